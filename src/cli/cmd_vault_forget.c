/* SPDX-License-Identifier: Apache-2.0 */

/*
 * casemate vault forget: by policy (of casemate.yaml, or of options), or the
 * snapshots that are named.  Without --yes it only says what it would do.
 */

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/commands.h"
#include "cli/out.h"
#include "cli/text.h"

static const struct opt opts[] = {
	{ "all", NULL, "apply the policy to every asset", OPT_FLAG, 0 },
	{ "keep-last", "N", "keep the newest N", OPT_COUNT, 0 },
	{ "keep-hourly", "N", "keep the newest of each of N hours", OPT_COUNT,
	  0 },
	{ "keep-daily", "N", "keep the newest of each of N days", OPT_COUNT,
	  0 },
	{ "keep-weekly", "N", "keep the newest of each of N weeks", OPT_COUNT,
	  0 },
	{ "keep-monthly", "N", "keep the newest of each of N months", OPT_COUNT,
	  0 },
	{ "keep-yearly", "N", "keep the newest of each of N years", OPT_COUNT,
	  0 },
	{ "dry-run", NULL, "say what would be forgotten and do nothing",
	  OPT_FLAG, 'n' },
	{ NULL },
};

/* Every snapshot that was looked at, and what is to become of it. */
struct line {
	struct digest id;
	char *asset;
	int64_t finished_ns;
	bool keep;
	char why[64];
};

struct plan {
	struct line *v;
	size_t n, cap;
	size_t going;
};

static void
plan_release(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].asset);
	free(p->v);
}

static err
plan_add(struct plan *p, const struct snapshot *s, bool keep, const char *why)
{
	struct line *l;
	err e;

	for (size_t i = 0; i < p->n; i++)
		if (digest_eq(&p->v[i].id, &s->id))
			return OK;
	if ((e = mem_grow(&p->v, p->n + 1, &p->cap, sizeof(*p->v))).code)
		return e;
	l = &p->v[p->n];
	*l = (struct line){ .id = s->id,
		            .finished_ns = s->finished_ns,
		            .keep = keep };
	(void)snprintf(l->why, sizeof(l->why), "%s", why);
	if ((e = mem_dup(s->asset, strlen(s->asset), &l->asset)).code)
		return e;
	p->n++;
	p->going += !keep;
	return OK;
}

static err
read_policy(struct cli *c, struct vault_keep *keep)
{
	static const char *const names[] = { "keep-last",    "keep-hourly",
		                             "keep-daily",   "keep-weekly",
		                             "keep-monthly", "keep-yearly" };
	unsigned *const fields[] = { &keep->last,    &keep->hourly,
		                     &keep->daily,   &keep->weekly,
		                     &keep->monthly, &keep->yearly };
	bool given = false;
	uint64_t sum = 0;

	*keep = c->ws->vault.keep;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		given = given || opt_given(c->opts, names[i]);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint64_t n = opt_number(c->opts, names[i], 0);
		if (given)
			*fields[i] = (unsigned)MIN(n, (uint64_t)1000000);
		sum += *fields[i];
	}
	if (given && sum == 0)
		return err_new(
		    E_INVALID,
		    "a policy that keeps nothing is none; name the snapshots "
		    "instead");
	if (sum == 0)
		return err_new(
		    E_INVALID,
		    "casemate.yaml has no \"keep\", so everything is kept; "
		    "--keep-daily N and its like say otherwise");
	return OK;
}

/* One asset by policy.  What cannot be trusted is not counted as a snapshot. */
static err
plan_asset(struct cli *c, const char *asset, const struct vault_keep *keep,
           struct plan *p)
{
	AUTO(snapshot_list_release) struct snapshot_list l = { 0 };
	AUTO(free_ptr) struct vault_keep_line *lines = NULL;
	err e;

	if ((e = vault_snapshots(c->vault, asset, &l)).code ||
	    (e = mem_alloc(l.n + 1, sizeof(*lines), &lines)).code)
		return e;
	vault_keep_plan(&l, keep, lines);
	for (size_t i = 0; i < l.n; i++)
		if ((e = plan_add(p, &l.v[i], lines[i].keep, lines[i].why))
		        .code)
			return e;
	return OK;
}

/* Every asset that has snapshots, also those that casemate.yaml lost. */
static err
plan_all(struct cli *c, const struct vault_keep *keep, struct plan *p)
{
	AUTO(snapshot_list_release) struct snapshot_list l = { 0 };
	err e;

	if ((e = vault_snapshots(c->vault, NULL, &l)).code)
		return e;
	for (size_t i = 0; i < l.n; i++) {
		bool seen = false;
		for (size_t j = 0; j < i; j++)
			seen = seen || strcmp(l.v[j].asset, l.v[i].asset) == 0;
		if (!seen && (e = plan_asset(c, l.v[i].asset, keep, p)).code)
			return e;
	}
	return OK;
}

/* ASSET means the policy, ASSET@WHICH and an id mean that snapshot. */
static err
plan_word(struct cli *c, const char *word, struct plan *p)
{
	AUTO(snapshot_release) struct snapshot s = { 0 };
	struct vault_keep keep;
	const struct asset *a;
	err e;

	e = workspace_asset(c->ws, word, &a);
	if (e.code == E_OK) {
		if ((e = read_policy(c, &keep)).code)
			return e;
		return plan_asset(c, word, &keep, p);
	}
	err_drop(e);
	if ((e = cli_snapshot(c, word, &s)).code)
		return e;
	if (strchr(word, '@') == NULL && strcmp(s.asset, word) == 0)
		return err_new(
		    E_INVALID,
		    "asset \"%s\" is not in casemate.yaml; name snapshots of "
		    "it, or use --all",
		    word);
	return plan_add(p, &s, false, "named");
}

static err
make_plan(struct cli *c, struct plan *p)
{
	struct vault_keep keep;
	size_t n;
	char *const *words = opt_words(c->opts, &n);
	err e;

	if (opt_flag(c->opts, "all") == (n > 0))
		return err_new(
		    E_USAGE,
		    "name assets or snapshots, or say --all, and not both");
	if (n == 0) {
		if ((e = read_policy(c, &keep)).code)
			return e;
		return plan_all(c, &keep, p);
	}
	for (size_t i = 0; i < n; i++)
		if ((e = plan_word(c, words[i], p)).code)
			return e;
	return OK;
}

static err
print_plan(const struct plan *p)
{
	AUTO(table_freep) struct table *t = NULL;
	err e;

	if ((e = table_new(5, 0, &t)).code)
		return e;
	for (size_t i = 0; i < p->n; i++) {
		const struct line *l = &p->v[i];
		if ((e = table_row(t, l->keep ? "keep" : "forget", l->asset,
		                   id_str(&l->id), time_str(l->finished_ns),
		                   l->why))
		        .code)
			return e;
	}
	table_print(t, 0);
	return OK;
}

static err
json_plan(struct cli *c, const struct plan *p, bool done)
{
	struct json_writer *w = out_json(c);

	json_bool(w, "dry_run", !done);
	json_uint(w, "forgotten", p->going);
	json_uint(w, "kept", p->n - p->going);
	json_open_array(w, "snapshots");
	for (size_t i = 0; i < p->n; i++) {
		const struct line *l = &p->v[i];
		json_open(w, NULL);
		json_str(w, "asset", l->asset);
		json_digest(w, "id", &l->id);
		json_time(w, "finished", l->finished_ns);
		json_bool(w, "keep", l->keep);
		json_str(w, "why", l->why);
		json_close(w);
	}
	json_close_array(w);
	return out_json_end(c);
}

static err
forget(struct cli *c, const struct plan *p)
{
	AUTO(free_ptr) struct digest *ids = NULL;
	size_t n = 0;
	err e;

	if ((e = mem_alloc(p->going + 1, sizeof(*ids), &ids)).code)
		return e;
	for (size_t i = 0; i < p->n; i++)
		if (!p->v[i].keep)
			ids[n++] = p->v[i].id;
	return vault_forget(c->vault, ids, n);
}

static err
run(struct cli *c)
{
	AUTO(plan_release) struct plan p = { 0 };
	bool done = false;
	err e;

	if ((e = make_plan(c, &p)).code)
		return e;
	if (!c->json && (e = print_plan(&p)).code)
		return e;
	if (p.going > 0 && !opt_flag(c->opts, "dry-run"))
		done = out_confirm(c, "forget these snapshots?");
	if (done && (e = forget(c, &p)).code)
		return e;
	if (c->json)
		return json_plan(c, &p, done);
	if (done)
		out_line("%zu snapshot%s forgotten; \"casemate vault prune\" "
		         "frees their space",
		         p.going, text_plural(p.going));
	else
		out_line(
		    "%zu snapshot%s would be forgotten; nothing was done%s",
		    p.going, text_plural(p.going),
		    p.going > 0 ? "; --yes does it" : "");
	return OK;
}

const struct cmd cmd_vault_forget = {
	.name = "vault forget",
	.group = GROUP_VAULT,
	.args = "[ASSET|SNAPSHOT]...",
	.brief = "remove snapshots that the policy or you do not keep",
	.about =
	    "ASSET (or --all) is thinned out as \"keep\" in casemate.yaml says,"
	    " or as the options\nsay if any is given; the newest always stays."
	    "  An id or ASSET@WHICH is that\nsnapshot.  Without --yes it"
	    " prints the plan and changes nothing.",
	.example = "casemate vault forget --all --yes\n"
		   "casemate vault forget scorer --keep-daily 7 --dry-run",
	.opts = opts,
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "vault.forget/1",
	.run = run,
};
