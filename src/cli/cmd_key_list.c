/* SPDX-License-Identifier: Apache-2.0 */

/* casemate key list. */

#include "base/time.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/text.h"

/* What a callback fills. */
struct listing {
	struct json_writer *w;
	struct table *t;
};

static err
add(const struct vault_key_info *k, void *arg)
{
	struct listing *l = arg;
	const char *note = k->mine ? "this node" : "";

	if (k->write_only)
		note = k->mine ? "this node, write-only" : "write-only";
	if (l->w == NULL)
		return table_row(l->t, k->kind, k->name, id_str(&k->id),
		                 time_str(k->since_ns), note);
	json_open(l->w, NULL);
	json_str(l->w, "kind", k->kind);
	json_str(l->w, "name", k->name);
	json_digest(l->w, "id", &k->id);
	json_time(l->w, "since", k->since_ns);
	json_bool(l->w, "mine", k->mine);
	json_bool(l->w, "write_only", k->write_only);
	json_close(l->w);
	return OK;
}

static err
run(struct cli *c)
{
	AUTO(table_freep) struct table *t = NULL;
	struct listing l = { 0 };
	err e;

	if (c->json) {
		l.w = out_json(c);
		json_open_array(l.w, "keys");
		if ((e = vault_key_list(c->vault, add, &l)).code)
			return e;
		json_close_array(l.w);
		return out_json_end(c);
	}
	if ((e = table_new(5, 0, &t)).code)
		return e;
	l.t = t;
	if ((e = table_row(t, "kind", "name", "id", "since", "")).code ||
	    (e = vault_key_list(c->vault, add, &l)).code)
		return e;
	table_print(t, 0);
	return OK;
}

const struct cmd cmd_key_list = {
	.name = "key list",
	.group = GROUP_KEYS,
	.args = "",
	.brief = "list the keys that the vault knows",
	.about = "The root key signs all others.  Snapshots are encrypted to "
		 "an epoch's key and\nsigned by the node that made them.",
	.example = "casemate key list",
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "key.list/1",
	.run = run,
};
