/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

/*
 * What a command is: one declaration and one function, in one file.  Usage,
 * --help, the man page, shell completion and the check of the documentation all
 * derive from the declaration.
 */

#include <stdbool.h>

#include "base/err.h"
#include "cli/opt.h"

/* What stands ready before a command runs. */
#define NEED_WORKSPACE 1U /* c->ws: casemate.yaml was found and understood. */
#define NEED_VAULT     2U /* c->vault: the keys are here, a store answers. */

/* Under which heading the help lists a command. */
enum cmd_group {
	GROUP_EVERYDAY,
	GROUP_VAULT,
	GROUP_KEYS,
	GROUP_PROGRAM,
	GROUPS /* Their number. */
};

struct cli;

struct cmd {
	const char *name; /* "vault diff" */
	enum cmd_group group;
	const char *args;       /* "SNAPSHOT [PATH]..."; arity follows. */
	const char *brief;      /* One line, lower case, no full stop. */
	const char *about;      /* Paragraphs for --help and the man page. */
	const char *example;    /* One line a case, "casemate ...". */
	const struct opt *opts; /* Or NULL. */
	unsigned needs;         /* NEED_* */
	const char *schema;     /* Of its --json; NULL = it has none. */
	err (*run)(struct cli *c);
};

/* All commands in the order of the help, NULL-terminated. */
extern const struct cmd *const cmd_all[];

/* The options that every command takes. */
extern const struct opt cmd_global[];

/**
 * cmd_find(argc, argv, ret, ret_used):
 * Set ${*ret} to the command that the first one or two strings name, and
 * ${*ret_used} to how many.  E_USAGE, with the nearest command, if there is
 * none.
 */
err cmd_find(int argc, char *const argv[], const struct cmd **ret,
             int *ret_used);

/**
 * cmd_is_room(name):
 * Return true if commands of two words begin with ${name}.
 */
bool cmd_is_room(const char *name);

/**
 * cmd_check_words(cmd, n):
 * E_USAGE unless ${n} words are as many as cmd->args asks for.
 */
err cmd_check_words(const struct cmd *cmd, size_t n);

#endif /* CLI_CMD_H */
