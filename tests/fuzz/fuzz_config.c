/* SPDX-License-Identifier: Apache-2.0 */

/*
 * casemate.yaml.  What is taken is whole: stores with places, assets with names
 * that are found again.  What is refused says where.
 */

#include <assert.h>
#include <string.h>

#include "asset/workspace.h"
#include "base/mem.h"
#include "target.h"

static void
check_workspace(const struct workspace *ws)
{
	assert(ws->name != NULL && ws->vault.nstores > 0);
	for (size_t i = 0; i < ws->vault.nstores; i++) {
		const char *url = ws->vault.stores[i].url;
		assert(ws->vault.stores[i].name != NULL);
		assert(url[0] == '/' || strstr(url, "://") != NULL);
	}
	for (size_t i = 0; i < ws->nassets; i++) {
		const struct asset *a;
		err e = workspace_asset(ws, ws->assets[i].name, &a);
		assert(e.code == E_OK && a == &ws->assets[i]);
		assert(a->source[0] != '\0' && a->kind != NULL);
		assert(a->rpo_ns >= 0 && a->rto_ns >= 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	AUTO(workspace_closep) struct workspace *ws = NULL;
	err e = workspace_parse(p, n, "/ws", &ws);

	if (e.code == E_OK) {
		check_workspace(ws);
		return 0;
	}
	assert(ws == NULL);
	assert(e.code == E_INVALID || e.code == E_LIMIT);
	assert(e.code == E_LIMIT || strstr(err_text(e), "line ") != NULL);
	err_drop(e);
	return 0;
}
