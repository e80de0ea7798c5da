/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

/* Every command's declaration; each lives in the file that bears its name. */

#include "cli/cmd.h"

extern const struct cmd cmd_backup;
extern const struct cmd cmd_check;
extern const struct cmd cmd_demo;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_help;
extern const struct cmd cmd_init;
extern const struct cmd cmd_key_list;
extern const struct cmd cmd_key_recover;
extern const struct cmd cmd_restore;
extern const struct cmd cmd_status;
extern const struct cmd cmd_vault_cat;
extern const struct cmd cmd_vault_check;
extern const struct cmd cmd_vault_diff;
extern const struct cmd cmd_vault_forget;
extern const struct cmd cmd_vault_list;
extern const struct cmd cmd_vault_ls;
extern const struct cmd cmd_vault_mount;
extern const struct cmd cmd_vault_prune;
extern const struct cmd cmd_vault_show;
extern const struct cmd cmd_vault_stats;
extern const struct cmd cmd_version;

#endif /* CLI_COMMANDS_H */
