/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

/* What the declarations of the commands tell: help, man page, completion. */

#include "cli/cli.h"
#include "cli/cmd.h"

/**
 * help_overview():
 * Print all commands by group, and the global options.
 */
void help_overview(void);

/**
 * help_room(room):
 * Print the commands whose first word is ${room}.
 */
void help_room(const char *room);

/**
 * help_command(cmd):
 * Print everything about ${cmd}.
 */
void help_command(const struct cmd *cmd);

/**
 * help_usage(cmd):
 * Print the usage of ${cmd}, one line, on stderr.
 */
void help_usage(const struct cmd *cmd);

/**
 * help_all():
 * Print the name of every command, one a line.
 */
void help_all(void);

/**
 * help_version(c):
 * Print the version.
 */
err help_version(struct cli *c);

/**
 * help_group(g):
 * Return the heading of a group of commands.
 */
const char *help_group(enum cmd_group g);

/**
 * help_value(o):
 * Return what stands for the value of ${o} in help, "" for a flag.
 */
const char *help_value(const struct opt *o);

/**
 * help_manual():
 * Print the manual page casemate(1) as roff.
 */
void help_manual(void);

/**
 * help_completion(shell):
 * Print the completion script for "bash", "zsh" or "fish".  E_USAGE for others.
 */
err help_completion(const char *shell);

#endif /* CLI_HELP_H */
