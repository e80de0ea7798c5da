/* SPDX-License-Identifier: Apache-2.0 */

/* casemate vault check. */

#include "cli/checking.h"
#include "cli/commands.h"

static const struct opt opts[] = {
	{ "read-data", NULL, "read and open every byte of every copy", OPT_FLAG,
	  0 },
	{ "sample", "P%", "with --read-data: only this part of the packs",
	  OPT_PERCENT, 0 },
	{ "fresh", NULL, "forget what earlier runs have proven", OPT_FLAG, 0 },
	{ NULL },
};

const struct cmd cmd_vault_check = {
	.name = "vault check",
	.group = GROUP_VAULT,
	.args = "",
	.brief = "check that every copy of the vault is whole",
	.about =
	    "Without --read-data the structure alone: names, signatures,"
	    " indexes, trees,\nreferences.  Exit status 3 if anything is bad;"
	    " the output names what it hurts.",
	.example = "casemate vault check --read-data",
	.opts = opts,
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "vault.check/1",
	.run = checking_run,
};
