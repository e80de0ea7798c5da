/* SPDX-License-Identifier: Apache-2.0 */

/* casemate vault prune: delete what nothing needs. */

#include "cli/commands.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/text.h"

static const struct opt opts[] = {
	{ "dry-run", NULL, "say what would be deleted and do nothing", OPT_FLAG,
	  'n' },
	{ NULL },
};

static void
print_report(struct cli *c, const struct vault_prune_report *r, bool dry)
{
	const char *would = dry ? "would be " : "";

	out_line("%llu of %llu packs in use", (unsigned long long)r->packs_used,
	         (unsigned long long)r->packs);
	out_line(
	    "%llu pack%s, %s, %sdeleted", (unsigned long long)r->packs_deleted,
	    text_plural(r->packs_deleted), size_str(r->bytes_deleted), would);
	if (r->packs_repacked > 0)
		out_line("%llu pack%s, %s, %srepacked",
		         (unsigned long long)r->packs_repacked,
		         text_plural(r->packs_repacked),
		         size_str(r->bytes_repacked), would);
	if (r->pending_live > 0)
		out_line("%llu backup%s running: what they write stays",
		         (unsigned long long)r->pending_live,
		         text_plural(r->pending_live));
	out_problems(c, &r->problems, "problems:");
}

static err
json_report(struct cli *c, const struct vault_prune_report *r, bool dry)
{
	struct json_writer *w = out_json(c);

	json_bool(w, "dry_run", dry);
	json_uint(w, "packs", r->packs);
	json_uint(w, "packs_used", r->packs_used);
	json_uint(w, "packs_deleted", r->packs_deleted);
	json_uint(w, "packs_repacked", r->packs_repacked);
	json_uint(w, "deleted_bytes", r->bytes_deleted);
	json_uint(w, "repacked_bytes", r->bytes_repacked);
	json_uint(w, "pending_live", r->pending_live);
	json_uint(w, "pending_expired", r->pending_expired);
	json_uint(w, "indexes_merged", r->indexes_merged);
	out_json_problems(w, "problems", &r->problems);
	return out_json_end(c);
}

static err
run(struct cli *c)
{
	AUTO(vault_prune_report_release) struct vault_prune_report r = { 0 };
	AUTO(progress_release) struct progress p = { 0 };
	struct vault_prune_opts o = {
		.dry_run = opt_flag(c->opts, "dry-run"),
		.progress = &p.vp,
	};
	err e;

	progress_start(c, &p, "prune");
	e = vault_prune(c->vault, &o, &r);
	progress_stop(&p);
	if (e.code != E_OK && e.code != E_PARTIAL)
		return e;
	if (c->json)
		err_keep(&e, json_report(c, &r, o.dry_run));
	else
		print_report(c, &r, o.dry_run);
	if (e.code == E_OK && r.problems.total > 0)
		cli_raise(c, EXIT_PART);
	return e;
}

const struct cmd cmd_vault_prune = {
	.name = "vault prune",
	.group = GROUP_VAULT,
	.args = "",
	.brief = "delete what no snapshot and no running backup needs",
	.about = "May run beside backups and other prunes.  Where a snapshot's "
		 "needs cannot be\nknown nothing is deleted.",
	.example = "casemate vault prune --dry-run",
	.opts = opts,
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "vault.prune/1",
	.run = run,
};
