/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

/* This machine: its name, its keys, its recovery kit. */

#include <stdbool.h>

#include "asset/workspace.h"
#include "base/err.h"

/* Below the workspace. */
#define MACHINE_KEY WORKSPACE_STATE "/node.key"
#define MACHINE_KIT WORKSPACE_STATE "/recovery-kit.txt"

/* What lies at the recovery kit's first place. */
enum machine_kit {
	MACHINE_KIT_GONE,    /* Nothing: it was moved away, as it should be. */
	MACHINE_KIT_GUARDED, /* A kit with a passphrase. */
	MACHINE_KIT_BEARER,  /* A kit that opens the vault alone. */
};

/**
 * machine_node(name, ret):
 * Set ${*ret} to the node name ${name}, or (NULL) to one made from the host's
 * name.  E_INVALID if ${name} is not [a-z0-9][a-z0-9._-]{0,63}.
 */
err machine_node(const char *name, char **ret);

/**
 * machine_kit(ws):
 * Return what lies at the recovery kit's first place in ${ws}.
 */
enum machine_kit machine_kit(const struct workspace *ws);

/**
 * machine_has_key(ws):
 * Return true if the keys of this node are in ${ws}.
 */
bool machine_has_key(const struct workspace *ws);

#endif /* CLI_MACHINE_H */
