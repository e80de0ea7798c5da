/* SPDX-License-Identifier: Apache-2.0 */

/* The one place that knows all rooms. */

#include "cli/cli.h"

int
main(int argc, char *argv[])
{
	return cli_main(argc, argv);
}
