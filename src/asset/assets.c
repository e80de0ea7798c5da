/* SPDX-License-Identifier: Apache-2.0 */

/* The section `assets` of casemate.yaml. */

#include <string.h>

#include "asset/config.h"
#include "base/mem.h"
#include "asset/source.h"
#include "base/str.h"

static const char *const kinds[] = { "dataset",  "feature-store",
	                             "model",    "pipeline",
	                             "notebook", "environment",
	                             "service",  NULL };

/* Sources that are no paths.  Those of one colon have no "://". */
static const char *const live[] = {
	"sqlite:", "postgresql://", "postgres://", "redis://", "rediss://",
	"feast:",  "mlflow:",       "s3://",       "command:", NULL
};

bool
source_is_live(const char *source)
{
	for (const char *const *p = live; *p != NULL; p++)
		if (strncmp(source, *p, strlen(*p)) == 0)
			return true;
	return false;
}

static err
read_source(const struct yaml_node *v, struct asset *a)
{
	const struct yaml_node *s = yaml_get(v, "source");
	err e;

	if ((e = config_need(v, "source", "an asset", &a->source)).code)
		return e;
	if (!source_is_live(a->source) && strstr(a->source, "://") != NULL)
		return yaml_error(
		    s,
		    "\"%s\" is no source: a path, a glob, sqlite:, "
		    "postgresql://, redis://, feast:, mlflow:, s3:// or "
		    "command:",
		    a->source);
	return OK;
}

static err
read_objective(const struct yaml_node *v, struct asset *a)
{
	static const char *const keys[] = { "rpo", "rto", NULL };
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_check_keys(v, keys)).code ||
	    (e = config_span(v, "rpo", &a->rpo_ns)).code)
		return e;
	return config_span(v, "rto", &a->rto_ns);
}

static err
read_command(const struct yaml_node *v, const char *what, char ***ret)
{
	err e;

	if (v == NULL)
		return OK;
	if ((e = config_words(v, ret)).code)
		return e;
	if (v->n == 0 || ***ret == '\0')
		return yaml_error(v, "\"%s\" names no program", what);
	return OK;
}

static err
read_rebuild(const struct yaml_node *v, struct asset *a)
{
	static const char *const keys[] = { "command", "takes", "needs", NULL };
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_check_keys(v, keys)).code)
		return e;
	if (yaml_get(v, "command") == NULL)
		return yaml_error(v, "\"rebuild\" needs \"command\"");
	if ((e = read_command(yaml_get(v, "command"), "command", &a->rebuild))
	        .code ||
	    (e = config_span(v, "takes", &a->rebuild_takes_ns)).code)
		return e;
	return config_words(yaml_get(v, "needs"), &a->rebuild_needs);
}

static err
read_asset(const struct yaml_node *v, struct asset *a)
{
	static const char *const keys[] = { "name",     "kind",      "source",
		                            "contract", "objective", "rebuild",
		                            "smoke",    NULL };
	err e;

	if ((e = yaml_check_keys(v, keys)).code ||
	    (e = config_need(v, "name", "an asset", &a->name)).code ||
	    (e = config_name(yaml_get(v, "name"), "an asset")).code ||
	    (e = config_need(v, "kind", "an asset", &a->kind)).code ||
	    (e = config_one_of(yaml_get(v, "kind"), "kind", kinds)).code ||
	    (e = read_source(v, a)).code ||
	    (e = config_text(v, "contract", &a->contract)).code ||
	    (e = read_objective(yaml_get(v, "objective"), a)).code ||
	    (e = read_rebuild(yaml_get(v, "rebuild"), a)).code)
		return e;
	a->line = v->line;
	return read_command(yaml_get(v, "smoke"), "smoke", &a->smoke);
}

/* What a rebuild needs are assets, and not itself. */
static err
check_needs(const struct yaml_node *v, const struct workspace *ws, size_t i)
{
	const struct yaml_node *needs = yaml_get(yaml_get(v, "rebuild"),
	                                         "needs");
	char **list = ws->assets[i].rebuild_needs;
	const struct asset *a;
	err e;

	for (size_t n = 0; list != NULL && list[n] != NULL; n++) {
		if ((e = workspace_asset(ws, list[n], &a)).code) {
			err at = yaml_error(needs->items[n], "%s", err_text(e));
			err_drop(e);
			return at;
		}
		if (a == &ws->assets[i])
			return yaml_error(needs->items[n],
			                  "\"%s\" needs itself", a->name);
	}
	return OK;
}

err
config_assets(const struct yaml_node *v, struct workspace *ws)
{
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_want(v, YAML_SEQUENCE)).code ||
	    (e = mem_alloc(v->n + 1, sizeof(*ws->assets), &ws->assets)).code)
		return e;
	for (size_t i = 0; i < v->n; i++) {
		const struct asset *other;
		ws->nassets = i + 1;
		if ((e = read_asset(v->items[i], &ws->assets[i])).code)
			return e;
		if ((e = workspace_asset(ws, ws->assets[i].name, &other)).code)
			return e;
		if (other != &ws->assets[i])
			return yaml_error(
			    yaml_get(v->items[i], "name"),
			    "there is an asset \"%s\" already, in line %u",
			    other->name, other->line);
	}
	for (size_t i = 0; i < v->n; i++)
		if ((e = check_needs(v->items[i], ws, i)).code)
			return e;
	return OK;
}
