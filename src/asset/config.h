/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSET_CONFIG_H
#define ASSET_CONFIG_H

/*
 * From nodes of casemate.yaml to the fields of a workspace.  Every error names
 * line and column, and the word that was probably meant.
 */

#include <stdbool.h>

#include "asset/workspace.h"
#include "base/yaml.h"

/**
 * config_text(map, key, ret):
 * Set ${*ret} to a copy of the text of member ${key}; leave it alone where
 * there is none.  E_INVALID if it is no text, or empty.
 */
err config_text(const struct yaml_node *map, const char *key, char **ret);

/**
 * config_need(map, key, what, ret):
 * As config_text(), but E_INVALID where there is none; ${what} is what the
 * message calls the mapping.
 */
err config_need(const struct yaml_node *map, const char *key, const char *what,
                char **ret);

/**
 * config_words(v, ret):
 * Set ${*ret} to a new NULL-terminated list of the texts of sequence ${v}, or
 * leave it alone if ${v} is NULL.
 */
err config_words(const struct yaml_node *v, char ***ret);

/**
 * config_words_free(list), config_words_freep(list):
 * Free such a list; NULL is fine.
 */
void config_words_free(char **list);
void config_words_freep(char ***list);

/**
 * config_one_of(v, what, list):
 * OK if the text of ${v} is in ${list}, which NULL ends; else E_INVALID with
 * the nearest one.  ${what} is what the message calls it.  NULL is OK.
 */
err config_one_of(const struct yaml_node *v, const char *what,
                  const char *const *list);

/**
 * config_name(v, what):
 * OK if the text of ${v} is a name: [a-z0-9][a-z0-9._-]{0,63}.
 */
err config_name(const struct yaml_node *v, const char *what);

/**
 * config_span(map, key, ret):
 * Set ${*ret} to the nanoseconds that member ${key} says, such as "30m"; leave
 * it alone where there is none.
 */
err config_span(const struct yaml_node *map, const char *key, int64_t *ret);

/**
 * config_number(map, key, least, most, ret):
 * Set ${*ret} to the whole number of member ${key}, from ${least} to ${most};
 * leave it alone where there is none.
 */
err config_number(const struct yaml_node *map, const char *key, int64_t least,
                  int64_t most, int64_t *ret);

/**
 * config_path(dir, path, ret):
 * Set ${*ret} to ${path} below the absolute ${dir}, without needless dots and
 * slashes.
 */
err config_path(const char *dir, const char *path, char **ret);

/**
 * config_later(ws, fmt, ...):
 * Note in ws->later that casemate.yaml asks for something that this version
 * does not do yet.
 */
err config_later(struct workspace *ws, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * config_stores(v, ws):
 * Read the section `vault`.
 */
err config_stores(const struct yaml_node *v, struct workspace *ws);

/**
 * config_assets(v, ws):
 * Read the section `assets`.
 */
err config_assets(const struct yaml_node *v, struct workspace *ws);

/**
 * config_rooms(root, ws):
 * Check the sections that belong to rooms of later versions: people, roles,
 * approvals, guard, alerts.  The assets are known already.
 */
err config_rooms(const struct yaml_node *root, struct workspace *ws);

#endif /* ASSET_CONFIG_H */
