/* SPDX-License-Identifier: Apache-2.0 */

/* casemate status: one line of posture, its reasons, then asset by asset. */

#include <stdio.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/posture.h"
#include "cli/text.h"

static const char *
shouted(enum posture_colour c)
{
	static const char *const names[] = { "GREEN", "AMBER", "RED" };

	return names[c];
}

static void
print_reasons(const struct posture *p)
{
	const struct posture_reason *r = p->reasons;

	if (p->nreasons == 0) {
		out_line("GREEN: every asset is saved, and nothing is overdue");
		return;
	}
	for (size_t i = 0; i < p->nreasons; i++, r++) {
		out_line("%s%s: %s%s%s", i > 0 ? "  " : "",
		         i > 0 ? posture_colour(r->colour) : shouted(p->colour),
		         r->asset != NULL ? r->asset : "",
		         r->asset != NULL ? ": " : "", r->why);
		out_line("    -> %s", r->mend);
	}
}

static err
add_asset(struct table *t, const struct posture *p,
          const struct posture_asset *a)
{
	char copies[64] = "none", clock[96] = "never", rto[48] = "-";
	char loose[96] = "?";
	int64_t age = p->now_ns - a->newest.finished_ns;

	if (a->newest.finished_ns != 0) {
		(void)snprintf(copies, sizeof(copies), "%zu of %zu", a->copies,
		               p->nstores);
		if (a->media > 1 || a->sites > 1)
			(void)snprintf(copies, sizeof(copies),
			               "%zu of %zu, %zu media, %zu sites",
			               a->copies, p->nstores, a->media,
			               a->sites);
		(void)snprintf(
		    clock, sizeof(clock), "%s%s%s", time_span_text(age).s,
		    a->rpo_ns > 0 ? " of " : "",
		    a->rpo_ns > 0 ? time_span_text(a->rpo_ns).s : "");
	}
	if (a->rto_ns > 0)
		(void)snprintf(rto, sizeof(rto), "%s",
		               time_span_text(a->rto_ns).s);
	if (a->source_missing)
		(void)snprintf(loose, sizeof(loose), "source missing");
	else if (a->compared)
		(void)snprintf(loose, sizeof(loose),
		               "%llu changed, %llu new, %llu missing",
		               (unsigned long long)a->drift.changed,
		               (unsigned long long)a->drift.added,
		               (unsigned long long)a->drift.missing);
	else if (a->newest.finished_ns == 0)
		(void)snprintf(loose, sizeof(loose), "everything");
	return table_row(t, a->name, a->kind, posture_colour(a->colour), copies,
	                 clock, rto, loose);
}

static err
print_assets(const struct posture *p)
{
	AUTO(table_freep) struct table *t = NULL;
	err e;

	if (p->nassets == 0)
		return OK;
	if ((e = table_new(7, 0, &t)).code ||
	    (e = table_row(t, "asset", "kind", "posture", "stores",
	                   "age of rpo", "rto", "unprotected files"))
	        .code)
		return e;
	for (size_t i = 0; i < p->nassets; i++)
		if ((e = add_asset(t, p, &p->assets[i])).code)
			return e;
	out_line("%s", "");
	table_print(t, 0);
	return OK;
}

static void
json_asset(struct json_writer *w, const struct posture *p,
           const struct posture_asset *a)
{
	bool saved = a->newest.finished_ns != 0;

	json_open(w, NULL);
	json_str(w, "name", a->name);
	json_str(w, "kind", a->kind);
	json_str(w, "posture", posture_colour(a->colour));
	json_uint(w, "snapshots", a->snapshots);
	if (saved)
		json_digest(w, "newest", &a->newest.id);
	else
		json_null(w, "newest");
	json_time(w, "newest_finished", a->newest.finished_ns);
	if (saved)
		json_int(w, "age_seconds",
		         (p->now_ns - a->newest.finished_ns) / NS_PER_S);
	else
		json_null(w, "age_seconds");
	json_int(w, "rpo_seconds", a->rpo_ns / NS_PER_S);
	json_int(w, "rto_seconds", a->rto_ns / NS_PER_S);
	json_uint(w, "copies", a->copies);
	json_uint(w, "stores", p->nstores);
	json_uint(w, "media", a->media);
	json_uint(w, "sites", a->sites);
	json_bool(w, "source_missing", a->source_missing);
	json_bool(w, "compared", a->compared);
	json_uint(w, "files_changed", a->drift.changed);
	json_uint(w, "files_added", a->drift.added);
	json_uint(w, "files_missing", a->drift.missing);
	json_uint(w, "files_same", a->drift.same);
	json_uint(w, "unprotected_bytes", a->drift.bytes_unprotected);
	out_json_problems(w, "sample", &a->drift.sample);
	json_close(w);
}

static err
json_status(struct cli *c, const struct posture *p)
{
	struct json_writer *w = out_json(c);

	json_str(w, "workspace", c->ws->name);
	json_str(w, "posture", posture_colour(p->colour));
	json_time(w, "at", p->now_ns);
	json_open_array(w, "reasons");
	for (size_t i = 0; i < p->nreasons; i++) {
		json_open(w, NULL);
		json_str(w, "posture", posture_colour(p->reasons[i].colour));
		json_str(w, "asset", p->reasons[i].asset);
		json_str(w, "why", p->reasons[i].why);
		json_str(w, "mend", p->reasons[i].mend);
		json_close(w);
	}
	json_close_array(w);
	json_open_array(w, "assets");
	for (size_t i = 0; i < p->nassets; i++)
		json_asset(w, p, &p->assets[i]);
	json_close_array(w);
	json_open_array(w, "later");
	for (size_t i = 0; i < c->ws->nlater; i++)
		json_str(w, NULL, c->ws->later[i]);
	json_close_array(w);
	return out_json_end(c);
}

/* A vault that does not answer is a finding here, not a failure. */
static err
open_if_possible(struct cli *c)
{
	err e;

	if ((e = cli_open_workspace(c)).code)
		return e;
	if (!machine_has_key(c->ws))
		return err_new(
		    E_NOTFOUND,
		    "\"%s\" has no keys yet; \"casemate init\" makes them, "
		    "\"casemate key recover\" brings them back",
		    c->ws->dir);
	return vault_open(c->ws->state_dir, &c->ws->vault, &c->vault);
}

/* Facts and judgement, where the vault opened or no store answers. */
static err
look(struct cli *c, struct posture *p)
{
	err e, closed = open_if_possible(c);

	if (c->ws == NULL || !machine_has_key(c->ws))
		return closed;
	if ((e = posture_gather(c->ws, c->vault, time_now(), p)).code ||
	    (e = posture_judge(p)).code) {
		err_drop(closed);
		return e;
	}

	/* With a store at hand it was something else that kept it shut. */
	if (p->nopen > 0)
		return closed;
	err_drop(closed);
	return OK;
}

static err
run(struct cli *c)
{
	AUTO(posture_release) struct posture p = { 0 };
	err e;

	if ((e = look(c, &p)).code)
		return e;
	if (p.colour == POSTURE_RED)
		cli_raise(c, EXIT_VERDICT);
	if (c->json)
		return json_status(c, &p);
	print_reasons(&p);
	if (c->ws->nlater > 0)
		out_note(c,
		         "casemate.yaml asks for more than this version does; "
		         "\"casemate doctor\" says what");
	return print_assets(&p);
}

const struct cmd cmd_status = {
	.name = "status",
	.group = GROUP_EVERYDAY,
	.args = "",
	.brief = "say how well everything is protected, and why",
	.about =
	    "Green: all is met.  Amber: protection is not complete yet.  Red:"
	    " a promise is\nbroken: an asset was never saved, is gone, was"
	    " mostly rewritten, or its newest\nsnapshot is older than its"
	    " objective allows.  Each reason comes with what mends\nit."
	    "  Exit status 3 if red.",
	.example = "casemate status --json",
	.schema = "status/1",
	.run = run,
};
