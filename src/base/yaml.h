/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

/*
 * YAML for configuration, read over libyaml into a tree whose nodes know their
 * place, so that every complaint can name it.  What makes YAML a trap is
 * refused: anchors and aliases, tags, duplicate keys, more than one document.
 * Bounds: 1 MiB, 32 levels, 100,000 nodes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define YAML_BYTES_MAX ((size_t)1 << 20)
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 100000

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

/* A node; read freely, owned by the tree that it is in. */
struct yaml_node {
	enum yaml_kind kind;
	unsigned line;            /* From 1. */
	unsigned column;          /* From 1. */
	bool quoted;              /* Scalar: in quotes or a block, so text. */
	char *text;               /* Scalar: without zero bytes; else NULL. */
	size_t n;                 /* Elements, or members. */
	struct yaml_node **keys;  /* Mapping: n scalars; else NULL. */
	struct yaml_node **items; /* n elements, or the values of the keys. */
};

/**
 * yaml_read(p, n, ret):
 * Read ${n} bytes as one document into ${*ret}, freed by yaml_drop().
 * E_INVALID, with line and column, if they are none or contain what is refused;
 * E_LIMIT if a bound is exceeded.
 */
err yaml_read(const void *p, size_t n, struct yaml_node **ret);

/**
 * yaml_drop(root), yaml_dropp(root):
 * Free a tree; NULL is fine.
 */
void yaml_drop(struct yaml_node *root);
void yaml_dropp(struct yaml_node **root);

/**
 * yaml_error(at, fmt, ...):
 * Return E_INVALID with "line L, column C: " and the formatted text.
 */
err yaml_error(const struct yaml_node *at, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * yaml_get(map, key):
 * Return the value of ${key}, borrowed; NULL if there is none, if its value is
 * null, or if ${map} is NULL or no mapping.
 */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/**
 * yaml_is_null(v):
 * Return true if ${v} is NULL or one of YAML's spellings of null: nothing, ~,
 * null.
 */
bool yaml_is_null(const struct yaml_node *v);

/**
 * yaml_str(v, ret), yaml_int(v, ret), yaml_bool(v, ret):
 * Set ${*ret} to the text (borrowed), whole number or truth value of ${v}.
 * E_INVALID, with its place, if it is none.  Numbers are decimal; truth is
 * "true" or "false"; text is any scalar that is not null.
 */
err yaml_str(const struct yaml_node *v, const char **ret);
err yaml_int(const struct yaml_node *v, int64_t *ret);
err yaml_bool(const struct yaml_node *v, bool *ret);

/**
 * yaml_want(v, kind):
 * OK if ${v} is of ${kind}; else E_INVALID, with its place and what is wanted.
 */
err yaml_want(const struct yaml_node *v, enum yaml_kind kind);

/**
 * yaml_check_keys(map, known):
 * OK if ${map} is a mapping and all its keys are in ${known}, which NULL ends;
 * else E_INVALID with the place and the key that was probably meant.
 */
err yaml_check_keys(const struct yaml_node *map, const char *const *known);

#endif /* BASE_YAML_H */
