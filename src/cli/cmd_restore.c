/* SPDX-License-Identifier: Apache-2.0 */

/* casemate restore: an asset, or paths of it, from a snapshot. */

#include <stdio.h>
#include <string.h>

#include "asset/source.h"
#include "base/fs.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/text.h"

static const struct opt opts[] = {
	{ "to", "DIR", "restore into this directory, which must not exist",
	  OPT_TEXT, 0 },
	{ "in-place", NULL, "replace what differs; keep the old files aside",
	  OPT_FLAG, 0 },
	{ "path", "PATH", "only this path of the snapshot, and what is below",
	  OPT_LIST, 0 },
	{ "keep-extra", NULL,
	  "with --in-place: leave files that the snapshot does not know",
	  OPT_FLAG, 0 },
	{ "dry-run", NULL, "say what would be done and do nothing", OPT_FLAG,
	  'n' },
	{ "no-owner", NULL, "do not set owners and groups", OPT_FLAG, 0 },
	{ NULL },
};

/* One restore, resolved. */
struct job {
	char *asset;
	struct snapshot snap;
	char *target;
	bool whole; /* All that lies in the target is of this asset. */
	char *displaced;
	struct vault_restore_opts o;
};

static void
job_release(struct job *j)
{
	free(j->asset);
	snapshot_release(&j->snap);
	free(j->target);
	free(j->displaced);
}

static err
check_options(struct cli *c)
{
	bool in_place = opt_flag(c->opts, "in-place");

	if (in_place && opt_given(c->opts, "to"))
		return err_new(E_USAGE,
		               "--to and --in-place exclude each other");
	if (opt_flag(c->opts, "keep-extra") && !in_place)
		return err_new(E_USAGE, "--keep-extra wants --in-place");
	return OK;
}

/* Where the files go: the asset's own place needs an asset in the yaml. */
static err
find_target(struct cli *c, struct job *j)
{
	const char *to = opt_text(c->opts, "to");
	const struct asset *a;
	err e;

	if (to != NULL)
		return cli_absolute(to, &j->target);
	if ((e = workspace_asset(c->ws, j->snap.asset, &a)).code)
		return err_in(
		    e,
		    "cannot tell where this snapshot belongs; --to DIR says");
	return asset_home(c->ws, a, j->snap.base, &j->target, &j->whole);
}

/* Replaced files of one run share a directory that no other run has. */
static err
find_displaced(struct cli *c, struct job *j)
{
	char leaf[96];

	(void)snprintf(leaf, sizeof(leaf), "displaced/%s", id_str(&j->snap.id));
	return fs_path_join(&j->displaced, c->ws->state_dir, leaf);
}

static err
prepare(struct cli *c, struct job *j)
{
	const char *word = opt_word(c->opts, 0);
	err e;

	if ((e = check_options(c)).code ||
	    (e = cli_snapshot(c, word, &j->snap)).code ||
	    (e = find_target(c, j)).code || (e = find_displaced(c, j)).code)
		return e;
	j->o = (struct vault_restore_opts){
		.mode = opt_given(c->opts, "to")    ? RESTORE_NEW
		    : opt_flag(c->opts, "in-place") ? RESTORE_IN_PLACE
						    : RESTORE_ABSENT,
		.target = j->target,
		.paths = opt_list(c->opts, "path"),
		.plan_only = opt_flag(c->opts, "dry-run"),
		.displace_extra = j->whole && !opt_flag(c->opts, "keep-extra"),
		.no_owner = opt_flag(c->opts, "no-owner"),
		.displaced = j->displaced,
	};
	return OK;
}

/* What --in-place would replace: told after a restore that left it alone. */
static void
list_conflicts(struct cli *c, const struct job *j)
{
	AUTO(vault_restore_report_release)
	struct vault_restore_report r = { 0 };
	struct vault_restore_opts o = j->o;
	err e;

	o.mode = RESTORE_IN_PLACE;
	o.plan_only = true;
	o.progress = NULL;
	e = vault_restore(c->vault, &j->snap, &o, &r);
	if (e.code == E_OK)
		out_problems(c, &r.plan, "present, different, left alone:");
	err_drop(e);
}

static void
print_report(struct cli *c, const struct job *j,
             const struct vault_restore_report *r)
{
	bool plan = j->o.plan_only;

	out_line("%s %s@%s of %s into %s", plan ? "would restore" : "restored",
	         j->snap.asset, id_str(&j->snap.id),
	         time_str(j->snap.finished_ns), j->target);
	if (plan && r->plan.total > 0)
		out_problems(c, &r->plan, "the plan:");
	else if (plan)
		out_line("  nothing to do; %llu equal already",
		         (unsigned long long)r->equal);
	else
		out_line("  %llu file%s, %s in %s; %llu equal already",
		         (unsigned long long)r->files, text_plural(r->files),
		         size_str(r->bytes), took_str(r->wall_ns),
		         (unsigned long long)r->equal);
	out_problems(c, &r->problems, "not restored:");
	if (r->displaced > 0)
		out_line(
		    "  %llu replaced file%s kept in %s",
		    (unsigned long long)r->displaced, text_plural(r->displaced),
		    r->displaced_dir != NULL ? r->displaced_dir : j->displaced);
	if (r->conflicts == 0)
		return;
	if (!plan)
		list_conflicts(c, j);
	out_line("  %llu file%s differ%s; to replace what differs, with the "
	         "old files kept aside:\n"
	         "  casemate restore %s@%s --in-place",
	         (unsigned long long)r->conflicts, text_plural(r->conflicts),
	         r->conflicts == 1 ? "s" : "", j->snap.asset,
	         id_str(&j->snap.id));
}

static err
json_report(struct cli *c, const struct job *j,
            const struct vault_restore_report *r)
{
	struct json_writer *w = out_json(c);

	json_str(w, "asset", j->snap.asset);
	json_digest(w, "id", &j->snap.id);
	json_time(w, "saved", j->snap.finished_ns);
	json_str(w, "target", j->target);
	json_bool(w, "dry_run", j->o.plan_only);
	json_uint(w, "files", r->files);
	json_uint(w, "dirs", r->dirs);
	json_uint(w, "others", r->others);
	json_uint(w, "size_bytes", r->bytes);
	json_uint(w, "fetched_bytes", r->bytes_fetched);
	json_uint(w, "files_equal", r->equal);
	json_uint(w, "conflicts", r->conflicts);
	json_uint(w, "files_displaced", r->displaced);
	json_str(w, "displaced_dir",
	         r->displaced > 0 ? r->displaced_dir : NULL);
	json_int(w, "wall_ns", r->wall_ns);
	out_json_problems(w, "problems", &r->problems);
	if (j->o.plan_only)
		out_json_problems(w, "plan", &r->plan);
	json_open(w, "cpu");
	json_int(w, "fetch_ns", r->cpu_fetch_ns);
	json_int(w, "open_ns", r->cpu_open_ns);
	json_int(w, "code_ns", r->cpu_code_ns);
	json_int(w, "hash_ns", r->cpu_hash_ns);
	json_int(w, "write_ns", r->cpu_write_ns);
	json_close(w);
	return out_json_end(c);
}

static err
run(struct cli *c)
{
	AUTO(vault_restore_report_release)
	struct vault_restore_report r = { 0 };
	AUTO(progress_release) struct progress p = { 0 };
	AUTO(job_release) struct job j = { 0 };
	err e, out = OK;

	if ((e = prepare(c, &j)).code)
		return e;
	j.o.progress = &p.vp;
	progress_start(c, &p, "restore");
	e = vault_restore(c->vault, &j.snap, &j.o, &r);
	progress_stop(&p);
	if (e.code != E_OK && e.code != E_PARTIAL)
		return e;

	if (c->json)
		out = json_report(c, &j, &r);
	else
		print_report(c, &j, &r);
	err_keep(&e, out);
	if (e.code == E_OK && r.conflicts > 0)
		cli_raise(c, EXIT_PART);
	return e;
}

const struct cmd cmd_restore = {
	.name = "restore",
	.group = GROUP_EVERYDAY,
	.args = "ASSET[@SNAPSHOT]",
	.brief = "bring an asset back from a snapshot",
	.about =
	    "SNAPSHOT is an id, \"latest\" (also if left out) or a time, which"
	    " means the newest\nsnapshot not after it.  Without --to and"
	    " --in-place only absent files of the\nasset come back; if others"
	    " differ they are listed and left alone (exit status 4).\n"
	    "--in-place replaces what differs, file by file, and keeps the"
	    " old files in\n.casemate/displaced.  An interrupted restore goes"
	    " on when it is run again.",
	.example = "casemate restore transactions --in-place\n"
		   "casemate restore scorer@2026-11-20T10:00:00Z --to /tmp/old",
	.opts = opts,
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "restore/1",
	.run = run,
};
