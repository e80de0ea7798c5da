/* SPDX-License-Identifier: Apache-2.0 */

/* The thread that watches, and the signals that stop. */

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/progress.h"
#include "cli/text.h"

/* How often the line is redrawn, and what work is too short to show. */
#define REDRAW_NS (200 * NS_PER_MS)
#define QUIET_NS  NS_PER_S

/* What a signal cancels; NULL = the program itself. */
static _Atomic(struct vault_progress *) current;

static void
on_stop(int signo)
{
	struct vault_progress *vp = atomic_load(&current);

	/* The second one, or nothing to stop gently: end as if uncaught. */
	if (vp == NULL || atomic_exchange(&vp->cancel, true)) {
		struct sigaction dfl = { .sa_handler = SIG_DFL };
		(void)sigaction(signo, &dfl, NULL);
		(void)raise(signo);
	}
}

static void
on_pipe(int signo)
{
	(void)signo;
}

void
progress_signals(void)
{
	struct sigaction stop = { .sa_handler = on_stop };

	/* A handler, unlike SIG_IGN, is not handed on to children. */
	struct sigaction gone = { .sa_handler = on_pipe,
		                  .sa_flags = SA_RESTART };

	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGTERM, &stop, NULL);
	(void)sigaction(SIGPIPE, &gone, NULL);
}

void
progress_signals_off(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	(void)sigaction(SIGINT, &dfl, NULL);
	(void)sigaction(SIGTERM, &dfl, NULL);
}

void
progress_text(const struct progress *p, int64_t elapsed_ns, char *out, size_t n)
{
	const struct vault_progress *vp = &p->vp;
	const char *phase = atomic_load(&vp->phase);
	uint64_t bytes = atomic_load(&vp->bytes);
	uint64_t all = atomic_load(&vp->bytes_all);
	uint64_t items = atomic_load(&vp->items);
	uint64_t items_all = atomic_load(&vp->items_all);
	AUTO(buf_release) struct buf b = BUF_MAX(1 * KiB);
	double secs = (double)elapsed_ns / 1e9;

	buf_fmt(&b, "%s: %s", p->what, phase != NULL ? phase : "starting");
	if (all > 0)
		buf_fmt(&b, " %.0f%%,",
		        100.0 * (double)MIN(bytes, all) / (double)all);
	buf_fmt(&b, " %llu", (unsigned long long)items);
	if (items_all > 0)
		buf_fmt(&b, " of %llu", (unsigned long long)items_all);
	buf_fmt(&b, ", %s", size_str(bytes));
	if (all > 0)
		buf_fmt(&b, " of %s", size_str(all));
	if (secs > 0 && bytes > 0) {
		double rate = (double)bytes / secs;
		buf_fmt(&b, ", %s/s", size_str((uint64_t)rate));
		if (all > bytes)
			buf_fmt(&b, ", %s left",
			        time_span_text((int64_t)((double)(all - bytes) /
			                                 rate * 1e9))
			            .s);
	}
	(void)snprintf(out, n, "%s", buf_cstr(&b));
}

static void
draw(struct progress *p)
{
	struct winsize ws = { .ws_col = 80 };
	char line[512];

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) != 0 || ws.ws_col < 20)
		ws.ws_col = 80;
	progress_text(p, time_mono() - p->started_ns, line, sizeof(line));
	(void)fprintf(stderr, "\r\033[K%.*s", ws.ws_col - 1, line);
	(void)fflush(stderr);
	p->drawn = true;
}

static void *
watch(void *arg)
{
	struct progress *p = arg;
	struct timespec until;

	(void)pthread_mutex_lock(&p->lock);
	while (!p->done) {
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += REDRAW_NS;
		if (until.tv_nsec >= NS_PER_S) {
			until.tv_sec++;
			until.tv_nsec -= NS_PER_S;
		}
		(void)pthread_cond_timedwait(&p->wake, &p->lock, &until);
		if (!p->done && time_mono() - p->started_ns > QUIET_NS)
			draw(p);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* The watching thread leaves signals to the one that works. */
static bool
start_thread(struct progress *p)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int r;

	if (pthread_mutex_init(&p->lock, NULL) != 0)
		return false;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	r = pthread_cond_init(&p->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (r != 0) {
		(void)pthread_mutex_destroy(&p->lock);
		return false;
	}
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&p->thread, NULL, watch, p);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0) {
		(void)pthread_cond_destroy(&p->wake);
		(void)pthread_mutex_destroy(&p->lock);
	}
	return r == 0;
}

void
progress_start(const struct cli *c, struct progress *p, const char *what)
{
	bool show = c->progress && !c->quiet;

	p->what = what;
	p->started_ns = time_mono();
	p->on_terminal = show && isatty(STDERR_FILENO);
	p->in_pipe = show && !c->json && !p->on_terminal;
	atomic_store(&current, &p->vp);
	if (p->on_terminal)
		p->running = start_thread(p);
}

void
progress_stop(struct progress *p)
{
	int64_t took = time_mono() - p->started_ns;
	char line[512];

	if (p->started_ns == 0)
		return;
	atomic_store(&current, NULL);
	if (p->running) {
		(void)pthread_mutex_lock(&p->lock);
		p->done = true;
		(void)pthread_cond_signal(&p->wake);
		(void)pthread_mutex_unlock(&p->lock);
		(void)pthread_join(p->thread, NULL);
		(void)pthread_cond_destroy(&p->wake);
		(void)pthread_mutex_destroy(&p->lock);
		p->running = false;
	}
	if (p->drawn)
		(void)fprintf(stderr, "\r\033[K");
	if (p->in_pipe && took > QUIET_NS) {
		progress_text(p, took, line, sizeof(line));
		(void)fprintf(stderr, "%s\n", line);
	}
	p->started_ns = 0;
}

void
progress_release(struct progress *p)
{
	progress_stop(p);
}
