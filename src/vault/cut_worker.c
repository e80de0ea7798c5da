/* SPDX-License-Identifier: Apache-2.0 */

/* The worker of a cutter.  It trusts who asks, not what it reads. */

#include "vault/cut_worker.h"

#include "base/buf.h"
#include "base/sandbox.h"
#include "vault/cuts.h"

static err
answer(int sock, const struct cuts *c)
{
	uint8_t batch[CUT_WORKER_BATCH * CUT_WORKER_CUT];
	uint8_t n[CUT_WORKER_ANSWER];
	size_t k;
	err e;

	put_le32(n, (uint32_t)c->n);
	if ((e = sandbox_reply(sock, n, sizeof(n))).code)
		return e;
	for (size_t i = 0; i < c->n; i += k) {
		k = MIN(c->n - i, (size_t)CUT_WORKER_BATCH);
		for (size_t j = 0; j < k; j++) {
			uint8_t *p = batch + j * CUT_WORKER_CUT;

			put_le64(p, c->v[i + j].len);
			p[8] = (uint8_t)c->v[i + j].how;
		}
		e = sandbox_reply(sock, batch, k * CUT_WORKER_CUT);
		if (e.code)
			return e;
	}
	return OK;
}

/* Serve one question. */
static err
serve(int sock)
{
	AUTO(cuts_release) struct cuts c = { 0 };
	AUTO(close_fd) int fd = -1;
	uint8_t q[CUT_WORKER_QUESTION];
	size_t n;
	err e;

	if ((e = sandbox_receive(sock, q, sizeof(q), &n, &fd)).code)
		return e;
	if (n != sizeof(q) || fd < 0)
		return err_new(E_INVALID, "this is no question");
	err_drop(cuts_find(fd, le64(q), &c));
	return answer(sock, &c);
}

int
cut_worker_run(int sock, void *arg)
{
	err e;

	(void)arg;
	do
		e = serve(sock);
	while (e.code == E_OK);
	err_drop(e);
	return 0;
}
