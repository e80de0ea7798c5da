/* SPDX-License-Identifier: Apache-2.0 */

/* casemate demo: the tour in a throwaway workspace. */

#include "base/time.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/text.h"
#include "cli/tour.h"

static const struct opt opts[] = {
	{ "example", "DIR", "tour a copy of this workspace instead", OPT_TEXT,
	  0 },
	{ "keep", NULL, "leave the throwaway workspace there", OPT_FLAG, 0 },
	{ NULL },
};

static err
play(struct tour *t)
{
	err e;

	for (size_t i = 0; tour_scenes[i].name != NULL; i++) {
		tour_say(t, "\n--- %zu. %s", i + 1, tour_scenes[i].title);
		if ((e = tour_scenes[i].run(t)).code)
			return err_in(e, "scene \"%s\"", tour_scenes[i].name);
	}
	return OK;
}

static err
json_end(struct cli *c, const struct tour *t)
{
	struct json_writer *w = &c->w;

	json_close_array(w);
	json_uint(w, "held", t->held);
	json_uint(w, "broken", t->broken);
	json_int(w, "back_ns", t->back_ns - t->lost_ns);
	json_open_array(w, "times");
	for (size_t i = 0; i < t->ws->nassets; i++) {
		json_open(w, NULL);
		json_str(w, "asset", t->times[i].asset);
		json_int(w, "restore_ns", t->times[i].took_ns);
		json_int(w, "rto_seconds", t->times[i].rto_ns / NS_PER_S);
		json_close(w);
	}
	json_close_array(w);
	return out_json_end(c);
}

static void
epilogue(const struct tour *t, bool keep)
{
	tour_say(t, "\n%zu claim%s held, %zu did not.", t->held,
	         text_plural(t->held), t->broken);
	if (keep)
		tour_say(t, "The workspace is still in %s", t->dir);
	tour_say(t,
	         "Next: \"casemate init\" where your own data is, name "
	         "your assets in casemate.yaml,\n\"casemate backup\", and "
	         "add a store on another device.");
}

static err
run(struct cli *c)
{
	bool keep = opt_flag(c->opts, "keep");
	struct tour t = { 0 };
	err e;

	if ((e = tour_open(c, opt_text(c->opts, "example"), &t)).code)
		return e;
	if (c->json)
		json_open_array(out_json(c), "claims");
	e = play(&t);
	if (e.code == E_OK) {
		epilogue(&t, keep);
		if (c->json)
			e = json_end(c, &t);
	}
	if (t.broken > 0)
		cli_raise(c, EXIT_VERDICT);

	/* What went wrong can be looked at. */
	if (e.code != E_OK || t.broken > 0) {
		keep = true;
		out_warn("the workspace of the tour is left in %s", t.top);
	}
	tour_close(&t, keep);
	return e;
}

const struct cmd cmd_demo = {
	.name = "demo",
	.group = GROUP_EVERYDAY,
	.args = "",
	.brief = "tour: protect a workspace, lose it, get it back, prove it",
	.about =
	    "Works on a copy of the example in a directory of its own below"
	    " TMPDIR, and on\nnothing else.  Needs python3 for the example's"
	    " training.  Every claim is checked;\nexit status 3 if one does"
	    " not hold.",
	.example = "casemate demo",
	.opts = opts,
	.schema = "demo/1",
	.run = run,
};
