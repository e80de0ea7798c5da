/* SPDX-License-Identifier: Apache-2.0 */

/* casemate vault diff: what changed between two snapshots. */

#include <stdio.h>

#include "cli/commands.h"
#include "cli/entry.h"
#include "cli/out.h"
#include "cli/text.h"

static const char *
name_of(char what)
{
	switch (what) {
	case '+':
		return "added";
	case '-':
		return "removed";
	case 'M':
		return "content";
	case 'm':
		return "metadata";
	case 'T':
		return "type";
	default:
		return "unknown";
	}
}

static err
show(char what, const struct vault_entry *before,
     const struct vault_entry *after, void *arg)
{
	const struct vault_entry *e = after != NULL ? after : before;
	struct cli *c = arg;

	if (c->json) {
		struct json_writer *w = out_json(c);
		json_str(w, "change", name_of(what));
		json_str(w, "path", e->path);
		entry_json(w, "before", before);
		entry_json(w, "after", after);
		return out_json_end(c);
	}
	out_line("%c %s%s", what, e->path, e->type == 'd' ? "/" : "");
	return OK;
}

static err
run(struct cli *c)
{
	AUTO(snapshot_release) struct snapshot a = { 0 }, b = { 0 };
	const char *path = opt_word(c->opts, 2);
	err e;

	if ((e = cli_snapshot(c, opt_word(c->opts, 0), &a)).code ||
	    (e = cli_snapshot(c, opt_word(c->opts, 1), &b)).code)
		return e;
	return vault_diff(c->vault, &a, &b, path != NULL ? path : "", show, c);
}

const struct cmd cmd_vault_diff = {
	.name = "vault diff",
	.group = GROUP_VAULT,
	.args = "SNAPSHOT SNAPSHOT [PATH]",
	.brief = "list what changed between two snapshots",
	.about = "In front of each path: + added, - removed, M other content, "
		 "m other metadata,\nT another type of file.",
	.example = "casemate vault diff transactions@3fa9c1 transactions",
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "vault.diff/1",
	.run = run,
};
