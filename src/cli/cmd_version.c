/* SPDX-License-Identifier: Apache-2.0 */

/* casemate version. */

#include "cli/commands.h"
#include "cli/help.h"

const struct cmd cmd_version = {
	.name = "version",
	.group = GROUP_PROGRAM,
	.args = "",
	.brief = "print the version of the program",
	.example = "casemate version --json",
	.schema = "version/1",
	.run = help_version,
};
