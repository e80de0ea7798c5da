/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/*
 * One run of the program: what the command line said, what stands open, and how
 * it will end.
 */

#include <stdbool.h>

#include "asset/workspace.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "vault/vault.h"

/* Exit statuses that no error code maps to. */
#define EXIT_VERDICT 3 /* The verdict is negative. */
#define EXIT_PART    4 /* Done in part. */

struct cli {
	const struct cmd *cmd;
	struct opts *opts;
	struct workspace *ws; /* NULL unless the command needs it. */
	struct vault *vault;  /* NULL unless the command needs it. */
	bool json;
	bool quiet;
	bool verbose;
	bool progress; /* Show it on a terminal. */
	bool yes;
	uint64_t limit_read; /* Bytes a second; 0 = no limit. */
	uint64_t limit_upload;
	int status; /* Exit status of a run without error; 0 unless raised. */

	struct buf text; /* JSON on its way out. */
	struct json_writer w;
};

/**
 * cli_main(argc, argv):
 * Run the program and return its exit status.
 */
int cli_main(int argc, char *argv[]);

/**
 * cli_open_workspace(c), cli_open_vault(c):
 * Open what c->cmd did not declare as needed, for commands that go on without.
 * cli_open_vault() before the process has threads.
 */
err cli_open_workspace(struct cli *c);
err cli_open_vault(struct cli *c);

/**
 * cli_raise(c, status):
 * Let the program end with ${status} unless a higher one is set already.
 */
void cli_raise(struct cli *c, int status);

/**
 * cli_split(word, ret_asset, ret_spec):
 * Split "ASSET@SPEC" into two new strings; without "@" ${*ret_spec} is NULL.
 * An empty part is E_USAGE.
 */
err cli_split(const char *word, char **ret_asset, char **ret_spec);

/**
 * cli_snapshot(c, word, ret):
 * Find the snapshot that ${word} means: "ASSET", "ASSET@SPEC", or an id alone.
 */
err cli_snapshot(struct cli *c, const char *word, struct snapshot *ret);

/**
 * cli_absolute(path, ret):
 * Set ${*ret} to the absolute form of ${path} below the current directory; no
 * symbolic link is resolved.
 */
err cli_absolute(const char *path, char **ret);

#endif /* CLI_CLI_H */
