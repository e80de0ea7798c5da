/* SPDX-License-Identifier: Apache-2.0 */

/* From words to assets, each once, in the order given. */

#include "cli/out.h"
#include "cli/picked.h"

static bool
has(const struct asset *const *list, size_t n, const struct asset *a)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == a)
			return true;
	return false;
}

err
picked_assets(struct cli *c, const struct asset ***ret, size_t *ret_n)
{
	AUTO(free_ptr) const struct asset **list = NULL;
	const struct asset *a;
	size_t nwords, n = 0;
	char *const *words = opt_words(c->opts, &nwords);
	err e;

	if (c->ws->nassets == 0)
		return err_new(
		    E_INVALID,
		    "\"%s/%s\" names no assets; add what is worth keeping",
		    c->ws->dir, WORKSPACE_FILE);
	if ((e = mem_alloc(MAX(nwords, c->ws->nassets), sizeof(*list), &list))
	        .code)
		return e;
	for (size_t i = 0; i < nwords; i++) {
		if ((e = workspace_asset(c->ws, words[i], &a)).code)
			return e;
		if (!has(list, n, a))
			list[n++] = a;
	}
	for (size_t i = 0; nwords == 0 && i < c->ws->nassets; i++)
		list[n++] = &c->ws->assets[i];
	*ret = take(list);
	*ret_n = n;
	return OK;
}
