/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSET_WORKSPACE_H
#define ASSET_WORKSPACE_H

/*
 * The workspace: the directory that holds casemate.yaml, and what that file
 * says.  Relative paths in it are relative to that directory.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vault/config.h"

#define WORKSPACE_FILE  "casemate.yaml"
#define WORKSPACE_STATE ".casemate"

/* Something worth keeping.  Strings are owned by the workspace. */
struct asset {
	char *name;     /* [a-z0-9][a-z0-9._-]{0,63}, unique. */
	char *kind;     /* "dataset", "model", ... */
	char *source;   /* As written: a path, a glob, a URL. */
	char *contract; /* Path of its data contract; NULL if none. */
	int64_t rpo_ns; /* How much recent work may be lost; 0 = not said. */
	int64_t rto_ns; /* How long getting it back may take; 0 = not said. */
	char **rebuild; /* Command that makes it again; NULL if none. */
	int64_t rebuild_takes_ns; /* How long that takes; 0 = not said. */
	char **rebuild_needs;     /* Assets it needs, NULL-terminated. */
	char **smoke;             /* Command that says whether it is fit. */
	unsigned line;            /* Where casemate.yaml names it. */
};

struct workspace {
	char *dir;       /* Absolute. */
	char *state_dir; /* Keys, caches, journals: dir/.casemate. */
	char *name;
	struct vault_config vault; /* URLs of directories are absolute. */
	struct asset *assets;
	size_t nassets;

	/* What casemate.yaml asks for and this version does not do. */
	char **later;
	size_t nlater, later_cap;
};

/**
 * workspace_find(dir, ret):
 * Set ${*ret} to the absolute path of the workspace: ${dir} if not NULL, else
 * what CASEMATE_WORKSPACE says, else the nearest directory from here upward
 * that holds casemate.yaml.  E_NOTFOUND, saying what to do, if there is none.
 */
err workspace_find(const char *dir, char **ret);

/**
 * workspace_open(dir, ret):
 * Read ${dir}/casemate.yaml.  E_INVALID names line and column of what cannot be
 * meant, and the nearest known word.
 */
err workspace_open(const char *dir, struct workspace **ret);

/**
 * workspace_parse(text, n, dir, ret):
 * As workspace_open() for ${n} bytes of text of a casemate.yaml in ${dir}.
 */
err workspace_parse(const void *text, size_t n, const char *dir,
                    struct workspace **ret);

/**
 * workspace_close(ws), workspace_closep(ws):
 * Free ${ws}; NULL is fine.
 */
void workspace_close(struct workspace *ws);
void workspace_closep(struct workspace **ws);

/**
 * workspace_asset(ws, name, ret):
 * Set ${*ret} to the asset ${name}, borrowed.  E_NOTFOUND with the nearest
 * name.
 */
err workspace_asset(const struct workspace *ws, const char *name,
                    const struct asset **ret);

/**
 * workspace_make(dir, store_url):
 * Write a commented casemate.yaml into ${dir}, named after it, with one store
 * at ${store_url} (NULL: a directory in the state directory).  E_EXISTS if
 * there is one already; nothing is replaced.
 */
err workspace_make(const char *dir, const char *store_url);

#endif /* ASSET_WORKSPACE_H */
