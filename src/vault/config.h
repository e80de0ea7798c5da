/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VAULT_CONFIG_H
#define VAULT_CONFIG_H

/* The section `vault:` of casemate.yaml, as the vault wants it. */

#include <stddef.h>

/* One copy of the vault. */
struct vault_store_config {
	char *name;   /* Unique among the stores. */
	char *url;    /* A path (already absolute) or a URL. */
	char *medium; /* "disk", "nas", "object", …; NULL if not said. */
	char *site;   /* Where it stands; NULL if not said. */
};

/* How many of the newest snapshots per slot of time stay; 0 = none. */
struct vault_keep {
	unsigned last;
	unsigned hourly;
	unsigned daily;
	unsigned weekly;
	unsigned monthly;
	unsigned yearly;
};

struct vault_config {
	struct vault_store_config *stores; /* Owned, like all strings. */
	size_t nstores;
	struct vault_keep keep; /* All zero: keep everything. */
};

#endif /* VAULT_CONFIG_H */
