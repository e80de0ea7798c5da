/* SPDX-License-Identifier: Apache-2.0 */

/* casemate vault ls: what lies in a directory of a snapshot. */

#include <stdio.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/entry.h"
#include "cli/out.h"

static const struct opt opts[] = {
	{ "recursive", NULL, "go all the way down", OPT_FLAG, 'R' },
	{ "long", NULL, "modes, owners, sizes and times as well", OPT_FLAG,
	  'l' },
	{ NULL },
};

static void
print_long(const struct vault_entry *e)
{
	char mode[11], ids[2][16];

	entry_mode(e, mode);
	(void)snprintf(ids[0], sizeof(ids[0]), "%u", e->uid);
	(void)snprintf(ids[1], sizeof(ids[1]), "%u", e->gid);
	out_line("%s %-8s %-8s %12llu %s %s%s%s%s", mode,
	         e->user != NULL ? e->user : ids[0],
	         e->group != NULL ? e->group : ids[1],
	         (unsigned long long)e->size, time_str(e->mtime_ns), e->path,
	         e->target != NULL ? " -> " : "",
	         e->target != NULL ? e->target : "",
	         e->unreadable     ? "  (was not read)"
	             : e->unsteady ? "  (changed while being read)"
	                           : "");
}

static err
show(const struct vault_entry *e, void *arg)
{
	struct cli *c = arg;

	if (c->json) {
		entry_json(out_json(c), "entry", e);
		return out_json_end(c);
	}
	if (opt_flag(c->opts, "long"))
		print_long(e);
	else
		out_line("%s%s", e->path, e->type == 'd' ? "/" : "");
	return OK;
}

static err
run(struct cli *c)
{
	AUTO(snapshot_release) struct snapshot s = { 0 };
	const char *path = opt_word(c->opts, 1);
	err e;

	if ((e = cli_snapshot(c, opt_word(c->opts, 0), &s)).code)
		return e;
	return vault_ls(c->vault, &s, path != NULL ? path : "",
	                opt_flag(c->opts, "recursive"), show, c);
}

const struct cmd cmd_vault_ls = {
	.name = "vault ls",
	.group = GROUP_VAULT,
	.args = "SNAPSHOT [PATH]",
	.brief = "list the files in a snapshot",
	.about = "Names that are not UTF-8, and control characters, are "
		 "spelled \\xNN.  With --json\none object a line.",
	.example = "casemate vault ls transactions@latest --long",
	.opts = opts,
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "vault.ls/1",
	.run = run,
};
