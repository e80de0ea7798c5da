/* SPDX-License-Identifier: Apache-2.0 */

/* casemate vault list. */

#include <stdio.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/text.h"

static err
json_list(struct cli *c, const struct snapshot_list *l)
{
	struct json_writer *w = out_json(c);

	json_open_array(w, "snapshots");
	for (size_t i = 0; i < l->n; i++) {
		const struct snapshot *s = &l->v[i];
		json_open(w, NULL);
		json_str(w, "asset", s->asset);
		json_digest(w, "id", &s->id);
		json_str(w, "kind", s->kind);
		json_str(w, "node", s->node);
		json_time(w, "started", s->started_ns);
		json_time(w, "finished", s->finished_ns);
		json_uint(w, "files", s->files);
		json_uint(w, "size_bytes", s->bytes);
		json_uint(w, "new_bytes", s->bytes_new);
		json_uint(w, "stored_bytes", s->bytes_stored);
		json_uint(w, "problems", s->problems);
		json_close(w);
	}
	json_close_array(w);
	out_json_problems(w, "bad", &l->bad);
	return out_json_end(c);
}

static err
print_list(const struct snapshot_list *l)
{
	AUTO(table_freep) struct table *t = NULL;
	char files[32], note[48];
	err e;

	if ((e = table_new(7, 1U << 3 | 1U << 4 | 1U << 5, &t)).code ||
	    (e = table_row(t, "asset", "id", "finished", "files", "size",
	                   "stored", ""))
	        .code)
		return e;
	for (size_t i = 0; i < l->n; i++) {
		const struct snapshot *s = &l->v[i];
		(void)snprintf(files, sizeof(files), "%llu",
		               (unsigned long long)s->files);
		note[0] = '\0';
		if (s->problems > 0)
			(void)snprintf(note, sizeof(note), "%llu not read",
			               (unsigned long long)s->problems);
		if ((e = table_row(t, s->asset, id_str(&s->id),
		                   time_str(s->finished_ns), files,
		                   size_str(s->bytes),
		                   size_str(s->bytes_stored), note))
		        .code)
			return e;
	}
	table_print(t, 0);
	return OK;
}

static err
run(struct cli *c)
{
	AUTO(snapshot_list_release) struct snapshot_list l = { 0 };
	err e;

	if ((e = vault_snapshots(c->vault, opt_word(c->opts, 0), &l)).code)
		return e;
	if (l.bad.total > 0)
		cli_raise(c, EXIT_VERDICT);
	if (c->json)
		return json_list(c, &l);
	if (l.n == 0)
		out_note(c, "no snapshots yet; \"casemate backup\" makes them");
	else if ((e = print_list(&l)).code)
		return e;
	out_problems(c, &l.bad, "not to be trusted, and so not listed:");
	return OK;
}

const struct cmd cmd_vault_list = {
	.name = "vault list",
	.group = GROUP_VAULT,
	.args = "[ASSET]",
	.brief = "list snapshots, oldest first",
	.about = "A snapshot whose signature does not hold is named apart, and "
		 "the exit status is 3.",
	.example = "casemate vault list transactions",
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "vault.list/1",
	.run = run,
};
