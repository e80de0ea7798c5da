/* SPDX-License-Identifier: Apache-2.0 */

/* casemate check: all our own state, which for now is the vault. */

#include "cli/checking.h"
#include "cli/commands.h"

static const struct opt opts[] = {
	{ "read-data", NULL, "read and open every byte of every copy", OPT_FLAG,
	  0 },
	{ "sample", "P%", "with --read-data: only this part of the packs",
	  OPT_PERCENT, 0 },
	{ "fresh", NULL, "forget what earlier runs have proven", OPT_FLAG, 0 },
	{ "restore", NULL, "also restore every asset to scratch", OPT_FLAG, 0 },
	{ NULL },
};

static err
run(struct cli *c)
{
	if (opt_flag(c->opts, "restore"))
		return err_new(
		    E_UNSUPPORTED,
		    "\"check --restore\" is not in this version; \"casemate "
		    "restore ASSET --to DIR\" proves one asset");
	return checking_run(c);
}

const struct cmd cmd_check = {
	.name = "check",
	.group = GROUP_EVERYDAY,
	.args = "",
	.brief = "check that every copy of everything kept is whole",
	.about =
	    "Looks at names, signatures, indexes, trees and references;"
	    " --read-data reads\nevery byte as well.  What is bad is named"
	    " together with the snapshots and files\nthat it hurts, and the"
	    " exit status is 3.  An interrupted check goes on where it\n"
	    "stopped.",
	.example = "casemate check --read-data --sample 5%",
	.opts = opts,
	.needs = NEED_WORKSPACE | NEED_VAULT,
	.schema = "check/1",
	.run = run,
};
