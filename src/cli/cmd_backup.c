/* SPDX-License-Identifier: Apache-2.0 */

/* casemate backup: a snapshot of each asset into every store. */

#include <stdio.h>

#include "asset/source.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/picked.h"
#include "cli/progress.h"
#include "cli/text.h"

static const struct opt opts[] = {
	{ "exclude", "PATTERN", "leave out what matches, as in .casemateignore",
	  OPT_LIST, 0 },
	{ "one-file-system", NULL, "do not enter other file systems", OPT_FLAG,
	  'x' },
	{ "rehash", NULL, "read every file, whatever its times say", OPT_FLAG,
	  0 },
	{ "digests", NULL, "record the SHA-256 of every file", OPT_FLAG, 0 },
	{ NULL },
};

/* How the run went, over all assets. */
struct tally {
	size_t whole;  /* Everything is in every store. */
	size_t part;   /* There is a snapshot, but something is missing. */
	size_t failed; /* There is no snapshot. */
	err first;     /* Why the first one failed. */
};

static void
tally_release(struct tally *t)
{
	err_drop(t->first);
}

static void
print_report(struct cli *c, const struct asset *a,
             const struct vault_put_report *r)
{
	out_line("%s@%s", a->name, id_str(&r->id));
	for (size_t i = 0; i < r->nstores; i++)
		if (r->stores[i].why != NULL)
			out_line("  not in store %s: %s", r->stores[i].name,
			         r->stores[i].why);
	out_problems(c, &r->problems, "  could not be read:");
	if (r->unsteady > 0)
		out_line("  %llu file%s changed while being read",
		         (unsigned long long)r->unsteady,
		         text_plural(r->unsteady));
	out_note(
	    c,
	    "  %llu file%s, %s; %llu new, %llu changed, %llu gone; %s stored "
	    "in %s",
	    (unsigned long long)r->files, text_plural(r->files),
	    size_str(r->bytes), (unsigned long long)r->files_new,
	    (unsigned long long)r->files_changed,
	    (unsigned long long)r->files_gone, size_str(r->bytes_stored),
	    took_str(r->wall_ns));
}

static void
json_stages(struct json_writer *w, const struct vault_put_report *r)
{
	json_open(w, "cpu");
	json_int(w, "walk_ns", r->cpu_walk_ns);
	json_int(w, "read_ns", r->cpu_read_ns);
	json_int(w, "cut_ns", r->cpu_cut_ns);
	json_int(w, "hash_ns", r->cpu_hash_ns);
	json_int(w, "code_ns", r->cpu_code_ns);
	json_int(w, "seal_ns", r->cpu_seal_ns);
	json_int(w, "put_ns", r->cpu_put_ns);
	json_close(w);
}

static void
json_numbers(struct json_writer *w, const struct vault_put_report *r)
{
	json_uint(w, "files", r->files);
	json_uint(w, "dirs", r->dirs);
	json_uint(w, "others", r->others);
	json_uint(w, "files_new", r->files_new);
	json_uint(w, "files_changed", r->files_changed);
	json_uint(w, "files_same", r->files_same);
	json_uint(w, "files_gone", r->files_gone);
	json_uint(w, "files_unsteady", r->unsteady);
	json_uint(w, "excluded", r->excluded);
	json_uint(w, "size_bytes", r->bytes);
	json_uint(w, "read_bytes", r->bytes_read);
	json_uint(w, "new_bytes", r->bytes_new);
	json_uint(w, "stored_bytes", r->bytes_stored);
	json_uint(w, "new_objects", r->objects_new);
	json_int(w, "wall_ns", r->wall_ns);
}

static err
json_report(struct cli *c, const struct asset *a,
            const struct vault_put_report *r, err e)
{
	struct json_writer *w = out_json(c);

	json_str(w, "asset", a->name);
	json_str(w, "outcome", e.code == E_OK ? "done" : err_name(e.code));
	json_str(w, "message", e.code == E_OK ? NULL : err_text(e));
	if (digest_is_zero(&r->id))
		json_null(w, "id");
	else
		json_digest(w, "id", &r->id);
	json_numbers(w, r);
	json_open_array(w, "stores");
	for (size_t i = 0; i < r->nstores; i++) {
		json_open(w, NULL);
		json_str(w, "name", r->stores[i].name);
		json_bool(w, "holds", r->stores[i].why == NULL);
		json_str(w, "why", r->stores[i].why);
		json_close(w);
	}
	json_close_array(w);
	out_json_problems(w, "problems", &r->problems);
	json_stages(w, r);
	return out_json_end(c);
}

/* Back up one asset into ${r}; the error is its outcome. */
static err
put(struct cli *c, const struct asset *a, struct vault_put_report *r)
{
	AUTO(source_release) struct source src = { 0 };
	AUTO(free_ptr) char **exclude = NULL;
	char what[96]; /* Outlives p, which shows it at the end. */
	AUTO(progress_release) struct progress p = { 0 };
	err e;

	if ((e = asset_source(c->ws, a, &src)).code ||
	    (e = source_excludes(&src, opt_list(c->opts, "exclude"), &exclude))
	        .code)
		return e;
	struct vault_put_opts o = { .exclude = exclude,
		                    .one_file_system = opt_flag(
					c->opts, "one-file-system"),
		                    .rehash = opt_flag(c->opts, "rehash"),
		                    .digests = opt_flag(c->opts, "digests"),
		                    .limit_read = c->limit_read,
		                    .limit_upload = c->limit_upload,
		                    .progress = &p.vp };
	(void)snprintf(what, sizeof(what), "backup of %s", a->name);
	progress_start(c, &p, what);
	return vault_put(c->vault, &src.v, &o, r);
}

static err
backup(struct cli *c, const struct asset *a, struct tally *t)
{
	AUTO(vault_put_report_release) struct vault_put_report r = { 0 };
	err out = OK, e = put(c, a, &r);
	bool saved = !digest_is_zero(&r.id);

	t->whole += e.code == E_OK;
	t->part += e.code != E_OK && saved;
	t->failed += !saved;
	if (c->json)
		out = json_report(c, a, &r, e);
	else if (saved)
		print_report(c, a, &r);
	else
		out_line("%s: not saved: %s", a->name, err_text(e));

	/* A signal means all of them. */
	bool stop = e.code == E_CANCELLED;
	err_keep(&t->first, e);
	if (stop && out.code == E_OK)
		return err_new(E_CANCELLED, "stopped");
	return out;
}

static err
verdict(struct tally *t, size_t all)
{
	err e = t->first;

	if (t->whole == all)
		return OK;
	if (t->whole + t->part == 0) {
		t->first = OK;
		return e;
	}
	return err_new(
	    E_PARTIAL,
	    "%zu of %zu asset%s saved whole, %zu in part, %zu not at all",
	    t->whole, all, text_plural(all), t->part, t->failed);
}

static err
run(struct cli *c)
{
	AUTO(free_ptr) const struct asset **list = NULL;
	AUTO(tally_release) struct tally t = { 0 };
	size_t n;
	err e;

	if ((e = picked_assets(c, &list, &n)).code)
		return e;
	for (size_t i = 0; i < n; i++)
		if ((e = backup(c, list[i], &t)).code)
			return e;
	return verdict(&t, n);
}

const struct cmd cmd_backup = {
	.name = "backup",
	.group = GROUP_EVERYDAY,
	.args = "[ASSET]...",
	.brief = "save the named assets, or all, into every store",
	.about =
	    "Prints the id of each snapshot as ASSET@ID.  What did not change"
	    " is not read\nagain; what the vault has is not stored again."
	    "  Exit status 4: something could\nnot be read, or a store lags;"
	    " the rest is saved, and the output says what is not.",
	.example = "casemate backup\n"
		   "casemate backup scorer --exclude '*.tmp'",
	.opts = opts,
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "backup/1",
	.run = run,
};
