/* SPDX-License-Identifier: Apache-2.0 */

/* Checking the vault, and telling what was found. */

#include "base/time.h"
#include "cli/checking.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/text.h"

static void
print_finding(const struct cli *c, const struct vault_finding *f)
{
	uint64_t shown = 0;

	if (f->benign && !c->verbose)
		return;
	out_line("%s %s in store %s: %s", f->benign ? "left over" : "BAD",
	         f->object, f->store, f->what);
	for (char **h = f->hurts; h != NULL && *h != NULL; h++, shown++)
		out_line("  hurts %s", *h);
	if (f->nhurts > shown)
		out_line("  … and %llu more that are not listed",
		         (unsigned long long)(f->nhurts - shown));
}

static void
print_report(const struct cli *c, const struct vault_check_report *r,
             bool read_data)
{
	uint64_t benign = r->n > r->bad ? r->n - r->bad : 0;

	for (size_t i = 0; i < r->n; i++)
		print_finding(c, &r->v[i]);
	if (benign > 0 && !c->verbose)
		out_line("%llu left over object%s that \"casemate vault "
		         "prune\" removes (--verbose lists them)",
		         (unsigned long long)benign, text_plural(benign));
	out_line("%s: %llu snapshots, %llu packs, %llu chunks, %llu files; "
	         "%s read in %s",
	         r->bad == 0 ? "clean" : "DAMAGED",
	         (unsigned long long)r->snapshots, (unsigned long long)r->packs,
	         (unsigned long long)r->chunks, (unsigned long long)r->files,
	         size_str(r->bytes_read), took_str(r->wall_ns));
	if (r->packs_proven_before > 0)
		out_line("%llu packs were proven by an earlier run "
		         "(--fresh reads them again)",
		         (unsigned long long)r->packs_proven_before);
	if (!read_data)
		out_note(c,
		         "This looked at names, signatures and references; "
		         "--read-data reads every byte.");
}

static void
json_finding(struct json_writer *w, const struct vault_finding *f)
{
	json_open(w, NULL);
	json_str(w, "store", f->store);
	json_str(w, "object", f->object);
	json_str(w, "what", f->what);
	json_bool(w, "benign", f->benign);
	json_open_array(w, "hurts");
	for (char **h = f->hurts; h != NULL && *h != NULL; h++)
		json_str(w, NULL, *h);
	json_close_array(w);
	json_uint(w, "hurts_count", f->nhurts);
	json_close(w);
}

static err
json_report(struct cli *c, const struct vault_check_report *r)
{
	struct json_writer *w = out_json(c);

	json_str(w, "verdict", r->bad == 0 ? "clean" : "damaged");
	json_uint(w, "bad", r->bad);
	json_uint(w, "snapshots", r->snapshots);
	json_uint(w, "packs", r->packs);
	json_uint(w, "packs_proven_before", r->packs_proven_before);
	json_uint(w, "chunks", r->chunks);
	json_uint(w, "trees", r->trees);
	json_uint(w, "files", r->files);
	json_uint(w, "read_bytes", r->bytes_read);
	json_int(w, "wall_ns", r->wall_ns);
	json_open_array(w, "findings");
	for (size_t i = 0; i < r->n; i++)
		json_finding(w, &r->v[i]);
	json_close_array(w);
	return out_json_end(c);
}

err
checking_run(struct cli *c)
{
	AUTO(vault_check_report_release) struct vault_check_report r = { 0 };
	AUTO(progress_release) struct progress p = { 0 };
	struct vault_check_opts o = {
		.read_data = opt_flag(c->opts, "read-data"),
		.sample = opt_percent(c->opts, "sample", 1.0),
		.fresh = opt_flag(c->opts, "fresh"),
		.progress = &p.vp,
	};
	err e;

	if (opt_given(c->opts, "sample") && !o.read_data)
		return err_new(E_USAGE, "--sample wants --read-data");
	progress_start(c, &p, "check");
	e = vault_check(c->vault, &o, &r);
	progress_stop(&p);
	if (e.code)
		return e;
	if (r.bad > 0)
		cli_raise(c, EXIT_VERDICT);

	/* A store that does not answer was not checked: that is no "clean". */
	for (size_t i = 0; i < c->ws->vault.nstores; i++)
		if (vault_store_state(c->vault, i) != NULL)
			cli_raise(c, EXIT_VERDICT);
	if (c->json)
		return json_report(c, &r);
	print_report(c, &r, o.read_data);
	return OK;
}
