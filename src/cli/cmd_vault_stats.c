/* SPDX-License-Identifier: Apache-2.0 */

/* casemate vault stats: what each store holds. */

#include <stdio.h>

#include "cli/commands.h"
#include "cli/out.h"
#include "cli/text.h"

static err
json_stats(struct cli *c, const struct vault_stats *s)
{
	struct json_writer *w = out_json(c);

	json_uint(w, "chunks", s->chunks);
	json_uint(w, "plain_bytes", s->plain_bytes);
	json_uint(w, "source_bytes", s->source_bytes);
	json_open_array(w, "stores");
	for (size_t i = 0; i < s->nstores; i++) {
		const struct vault_store_stats *st = &s->stores[i];
		json_open(w, NULL);
		json_str(w, "name", st->name);
		json_bool(w, "open", st->open);
		json_uint(w, "snapshots", st->snapshots);
		json_uint(w, "packs", st->packs);
		json_uint(w, "pack_bytes", st->pack_bytes);
		json_uint(w, "indexes", st->indexes);
		json_uint(w, "index_bytes", st->index_bytes);
		json_uint(w, "other_bytes", st->other_bytes);
		json_uint(w, "free_bytes", st->free_bytes);
		json_uint(w, "total_bytes", st->total_bytes);
		json_close(w);
	}
	json_close_array(w);
	return out_json_end(c);
}

static err
add_store(struct table *t, const struct vault_store_stats *st)
{
	char packs[32], snapshots[32];
	uint64_t rest = st->index_bytes + st->other_bytes;

	if (!st->open)
		return table_row(t, st->name, "not open", "", "", "", "");
	(void)snprintf(packs, sizeof(packs), "%llu",
	               (unsigned long long)st->packs);
	(void)snprintf(snapshots, sizeof(snapshots), "%llu",
	               (unsigned long long)st->snapshots);
	return table_row(t, st->name, snapshots, packs,
	                 size_str(st->pack_bytes), size_str(rest),
	                 st->total_bytes > 0 ? size_str(st->free_bytes) : "?");
}

static err
print_stats(const struct vault_stats *s)
{
	AUTO(table_freep) struct table *t = NULL;
	uint64_t stored = 0;
	err e;

	if ((e = table_new(6, 0x3e, &t)).code ||
	    (e = table_row(t, "store", "snapshots", "packs", "in packs",
	                   "indexes etc.", "free"))
	        .code)
		return e;
	for (size_t i = 0; i < s->nstores; i++) {
		if ((e = add_store(t, &s->stores[i])).code)
			return e;
		stored = MAX(stored, s->stores[i].pack_bytes);
	}
	table_print(t, 0);
	out_line("\n%llu chunks of %s stand for %s of files",
	         (unsigned long long)s->chunks, size_str(s->plain_bytes),
	         size_str(s->source_bytes));
	if (stored > 0 && s->source_bytes > 0)
		out_line("a copy takes 1/%.1f of that",
		         (double)s->source_bytes / (double)stored);
	return OK;
}

static err
run(struct cli *c)
{
	AUTO(vault_stats_release) struct vault_stats s = { 0 };
	err e;

	if ((e = vault_stats(c->vault, &s)).code)
		return e;
	return c->json ? json_stats(c, &s) : print_stats(&s);
}

const struct cmd cmd_vault_stats = {
	.name = "vault stats",
	.group = GROUP_VAULT,
	.args = "",
	.brief = "count what each store holds",
	.example = "casemate vault stats",
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "vault.stats/1",
	.run = run,
};
