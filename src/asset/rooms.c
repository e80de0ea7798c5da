/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sections that rooms of later versions own.  They are checked now, so that a
 * casemate.yaml that is good today is good tomorrow, and what they ask for is
 * noted as not done.
 */

#include <string.h>

#include "asset/config.h"
#include "base/mem.h"

#define APPROVERS_MOST 100

static const char *const builtin_roles[] = { "viewer",    "contributor",
	                                     "approver",  "backup-admin",
	                                     "responder", "admin",
	                                     "auditor" };

/* The built-in roles and the keys of ${roles}, NULL-terminated, borrowed. */
static err
role_names(const struct yaml_node *roles, const char ***ret)
{
	size_t own = roles != NULL ? roles->n : 0;
	size_t n = ARRAY_LEN(builtin_roles);
	const char **list = NULL;
	err e;

	if ((e = mem_alloc(n + own + 1, sizeof(*list), &list)).code)
		return e;
	memcpy(list, builtin_roles, sizeof(builtin_roles));
	for (size_t i = 0; i < own; i++)
		list[n + i] = roles->keys[i]->text;
	*ret = list;
	return OK;
}

static err
check_roles(const struct yaml_node *v)
{
	AUTO(config_words_freep) char **list = NULL;
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_want(v, YAML_MAPPING)).code)
		return e;
	for (size_t i = 0; i < v->n; i++) {
		if ((e = config_name(v->keys[i], "a role")).code ||
		    (e = config_words(v->items[i], &list)).code)
			return e;
		config_words_free(take(list));
	}
	return OK;
}

static err
check_person(const struct yaml_node *v, const char *const *roles)
{
	static const char *const keys[] = { "name", "roles", "key", NULL };
	AUTO(free_ptr) char *name = NULL, *key = NULL;
	const struct yaml_node *has;
	err e;

	if ((e = yaml_check_keys(v, keys)).code ||
	    (e = config_need(v, "name", "a person", &name)).code ||
	    (e = config_name(yaml_get(v, "name"), "a person")).code ||
	    (e = config_text(v, "key", &key)).code)
		return e;
	if ((has = yaml_get(v, "roles")) == NULL)
		return OK;
	if ((e = yaml_want(has, YAML_SEQUENCE)).code)
		return e;
	for (size_t i = 0; i < has->n; i++)
		if ((e = config_one_of(has->items[i], "role", roles)).code)
			return e;
	return OK;
}

static err
check_people(const struct yaml_node *v, const struct yaml_node *roles)
{
	AUTO(free_ptr) const char **names = NULL;
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_want(v, YAML_SEQUENCE)).code ||
	    (e = role_names(roles, &names)).code)
		return e;
	for (size_t i = 0; i < v->n; i++)
		if ((e = check_person(v->items[i], names)).code)
			return e;
	return OK;
}

static err
check_approvals(const struct yaml_node *v)
{
	static const char *const keys[] = { "vault.forget", "vault.unlock",
		                            "key.export",   "model.promote",
		                            "gate.release", "gate.baseline",
		                            "recover.run",  NULL };
	int64_t n;
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_check_keys(v, keys)).code)
		return e;
	for (size_t i = 0; keys[i] != NULL; i++)
		if ((e = config_number(v, keys[i], 0, APPROVERS_MOST, &n)).code)
			return e;
	return OK;
}

static err
check_guard(const struct yaml_node *v, const struct workspace *ws)
{
	static const char *const keys[] = { "protect", "response", NULL };
	const struct yaml_node *list = yaml_get(v, "protect");
	AUTO(config_words_freep) char **names = NULL;
	AUTO(free_ptr) char *response = NULL;
	const struct asset *a;
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_check_keys(v, keys)).code ||
	    (e = config_text(v, "response", &response)).code ||
	    (e = config_words(list, &names)).code)
		return e;
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		if ((e = workspace_asset(ws, names[i], &a)).code) {
			err at = yaml_error(list->items[i], "%s", err_text(e));
			err_drop(e);
			return at;
		}
	return OK;
}

/* Keys that every alert has text for, if it has them. */
static err
check_alert(const struct yaml_node *v)
{
	static const char *const keys[] = { "to",  "path",        "format",
		                            "url", "secret_file", NULL };
	static const char *const kinds[] = { "file", "syslog", "webhook",
		                             NULL };
	err e;

	if ((e = yaml_check_keys(v, keys)).code)
		return e;
	for (size_t i = 0; keys[i] != NULL; i++) {
		AUTO(free_ptr) char *s = NULL;
		if ((e = config_text(v, keys[i], &s)).code)
			return e;
	}
	if (yaml_get(v, "to") == NULL)
		return yaml_error(v, "an alert needs \"to\"");
	return config_one_of(yaml_get(v, "to"), "alert output", kinds);
}

static err
check_alerts(const struct yaml_node *v)
{
	err e;

	if (v == NULL)
		return OK;
	if ((e = yaml_want(v, YAML_SEQUENCE)).code)
		return e;
	for (size_t i = 0; i < v->n; i++)
		if ((e = check_alert(v->items[i])).code)
			return e;
	return OK;
}

err
config_rooms(const struct yaml_node *root, struct workspace *ws)
{
	static const char *const sections[] = { "people", "roles", "approvals",
		                                "guard", "alerts" };
	const struct yaml_node *roles = yaml_get(root, "roles");
	err e;

	if ((e = check_roles(roles)).code ||
	    (e = check_people(yaml_get(root, "people"), roles)).code ||
	    (e = check_approvals(yaml_get(root, "approvals"))).code ||
	    (e = check_guard(yaml_get(root, "guard"), ws)).code ||
	    (e = check_alerts(yaml_get(root, "alerts"))).code)
		return e;
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		const struct yaml_node *v = yaml_get(root, sections[i]);
		if (v == NULL || v->n == 0)
			continue;
		if ((e = config_later(ws, "the section \"%s\" has no effect",
		                      sections[i]))
		        .code)
			return e;
	}
	return OK;
}
