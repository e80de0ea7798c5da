/* SPDX-License-Identifier: Apache-2.0 */

/* What happens in the tour, scene by scene. */

#include <stdio.h>

#include "base/time.h"
#include "cli/out.h"
#include "cli/text.h"
#include "cli/tour.h"

/* A command line for tour_run(). */
#define COMMAND(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Make ${a} as casemate.yaml says. */
static err
build(struct tour *t, const struct asset *a)
{
	return tour_must(t, (const char *const *)a->rebuild);
}

static err
scene_make(struct tour *t)
{
	err e;

	tour_say(t, "A copy of %s in %s", t->example, t->dir);
	if ((e = tour_files_copy(t->example, t->dir)).code ||
	    (e = workspace_open(t->dir, &t->ws)).code ||
	    (e = mem_alloc(t->ws->nassets + 1, sizeof(*t->times), &t->times))
	        .code)
		return e;
	for (size_t i = 0; i < t->ws->nassets; i++) {
		const struct asset *a = &t->ws->assets[i];
		if (a->rebuild == NULL)
			continue;
		tour_say(t, "The %s \"%s\" is made from the rest:", a->kind,
		         a->name);
		e = build(t, a);
		if (e.code == E_NOTFOUND)
			return err_in(e, "the tour needs \"%s\"; install it",
			              a->rebuild[0]);
		if (e.code)
			return e;
	}
	return OK;
}

static err
scene_protect(struct tour *t)
{
	int64_t started;
	uint64_t bytes = 0;
	int status;
	err e;

	tour_say(t, "The recovery kit goes to another place at once.");
	if ((e = tour_must(t, COMMAND("casemate", "init", "--kit", t->kit)))
	        .code)
		return e;
	started = time_mono();
	if ((e = tour_must(t, COMMAND("casemate", "backup"))).code)
		return e;
	int64_t took = time_mono() - started;
	if ((e = tour_files_take(t->ws, &t->before)).code ||
	    (e = tour_run(t, COMMAND("casemate", "status"), &status)).code)
		return e;
	for (size_t i = 0; i < t->before.n; i++)
		bytes += t->before.v[i].size;
	tour_claim(t, status == 0,
	           "%zu files, %s, saved in %s; the posture is not red",
	           t->before.n, size_str(bytes), took_str(took));
	return OK;
}

static err
scene_attack(struct tour *t)
{
	struct tour_match m;
	size_t locked, deleted;
	err e;

	tour_say(t,
	         "This is real: every second file is overwritten with its "
	         "own ciphertext, under\na key that is thrown away, and "
	         "renamed to .locked; the others are deleted.");
	t->lost_ns = time_mono();
	if ((e = tour_files_wreck(t->dir, &t->before, &locked, &deleted))
	        .code ||
	    (e = tour_files_compare(t->dir, &t->before, NULL, &m)).code)
		return e;
	for (size_t i = 0; i < MIN(t->before.n, (size_t)4); i++)
		tour_say(t, "  %s %s", i % 2 == 0 ? "locked " : "deleted",
		         t->before.v[i].path);
	tour_claim(t, m.equal == 0 && m.missing == t->before.n,
	           "%zu files locked, %zu deleted; none is left as it was",
	           locked, deleted);
	return OK;
}

static err
scene_detect(struct tour *t)
{
	int status;
	err e;

	if ((e = tour_run(t, COMMAND("casemate", "status"), &status)).code)
		return e;
	tour_claim(t, status == EXIT_VERDICT,
	           "status is red and says what to do (exit status %d)",
	           status);
	return OK;
}

static err
scene_restore(struct tour *t)
{
	err e;

	for (size_t i = 0; i < t->ws->nassets; i++) {
		const struct asset *a = &t->ws->assets[i];
		int64_t started = time_mono();
		e = tour_must(
		    t, COMMAND("casemate", "restore", a->name, "--in-place"));
		if (e.code)
			return e;
		t->times[i] = (struct tour_time){ .asset = a->name,
			                          .took_ns = time_mono() -
			                              started,
			                          .rto_ns = a->rto_ns };
	}
	t->back_ns = time_mono();
	return OK;
}

static err
scene_prove(struct tour *t)
{
	struct tour_match m;
	int status;
	err e;

	tour_say(t, "SHA-256 of every file, taken before the attack and now:");
	if ((e = tour_files_compare(t->dir, &t->before, NULL, &m)).code)
		return e;
	tour_claim(t, m.equal == t->before.n,
	           "%zu of %zu files are what they were, byte for byte%s%s",
	           m.equal, t->before.n,
	           m.first_bad != NULL ? "; not so: " : "",
	           m.first_bad != NULL ? m.first_bad : "");
	if ((e = tour_files_sweep(t->dir, &t->before)).code ||
	    (e = tour_run(t, COMMAND("casemate", "check", "--read-data"),
	                  &status))
	        .code)
		return e;
	tour_claim(t, status == 0, "every byte of the vault is whole");
	if ((e = tour_run(t, COMMAND("casemate", "status"), &status)).code)
		return e;
	tour_claim(t, status == 0, "the posture is not red any more");
	return OK;
}

static err
remake(struct tour *t, const struct asset *a)
{
	struct tour_match m;
	int status;
	err e;

	if ((e = tour_files_remove(t->dir, &t->before, a->name)).code ||
	    (e = build(t, a)).code ||
	    (e = tour_files_compare(t->dir, &t->before, a->name, &m)).code)
		return e;
	tour_claim(
	    t, m.equal > 0 && m.differ + m.missing == 0,
	    "\"%s\", made again from the restored files, has the same bytes",
	    a->name);
	if (a->smoke == NULL)
		return OK;
	if ((e = tour_run(t, (const char *const *)a->smoke, &status)).code)
		return e;
	tour_claim(t, status == 0, "\"%s\" passes its smoke test", a->name);
	return OK;
}

static err
scene_remake(struct tour *t)
{
	err e;

	for (size_t i = 0; i < t->ws->nassets; i++)
		if (t->ws->assets[i].rebuild != NULL &&
		    (e = remake(t, &t->ws->assets[i])).code)
			return e;
	return OK;
}

static err
print_times(struct tour *t)
{
	AUTO(table_freep) struct table *table = NULL;
	err e;

	if ((e = table_new(4, 1U << 1 | 1U << 2, &table)).code ||
	    (e = table_row(table, "asset", "restored in", "objective (rto)",
	                   ""))
	        .code)
		return e;
	for (size_t i = 0; i < t->ws->nassets; i++) {
		const struct tour_time *x = &t->times[i];
		bool met = x->rto_ns == 0 || x->took_ns <= x->rto_ns;
		e = table_row(table, x->asset, took_str(x->took_ns),
		              x->rto_ns > 0 ? time_span_text(x->rto_ns).s
		                            : "none",
		              x->rto_ns == 0 ? ""
		                  : met      ? "met"
		                             : "MISSED");
		if (e.code)
			return e;
	}
	if (!t->c->json)
		table_print(table, 2);
	return OK;
}

static err
scene_measure(struct tour *t)
{
	bool met = true;
	err e;

	if ((e = print_times(t)).code)
		return e;
	for (size_t i = 0; i < t->ws->nassets; i++)
		met = met &&
		    (t->times[i].rto_ns == 0 ||
		     t->times[i].took_ns <= t->times[i].rto_ns);
	tour_claim(t, met,
	           "from loss to everything back: %s; every objective is met",
	           took_str(t->back_ns - t->lost_ns));
	return OK;
}

const struct tour_scene tour_scenes[] = {
	{ "make", "A machine-learning workspace", scene_make },
	{ "protect", "Protect it", scene_protect },
	{ "attack", "Lose it", scene_attack },
	{ "detect", "See it", scene_detect },
	{ "restore", "Get it back", scene_restore },
	{ "prove", "Prove it", scene_prove },
	{ "remake", "Make the model again", scene_remake },
	{ "measure", "Measure it", scene_measure },
	{ NULL, NULL, NULL },
};
