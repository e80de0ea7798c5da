/* SPDX-License-Identifier: Apache-2.0 */

/* Reading a passphrase into memory that is wiped. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/pass.h"
#include "crypto/crypto.h"

/* A passphrase, a line end, and one byte to see that it is too long. */
#define ROOM (PASS_MAX + 3)

static void
wipe_room(char (*room)[ROOM])
{
	crypto_wipe(*room, sizeof(*room));
}

/* Read all of ${fd}, or one line of it; ${from} is what messages call it. */
static err
read_secret(int fd, const char *from, bool line, char **ret)
{
	AUTO(wipe_room) char room[ROOM] = { 0 };
	size_t n = 0;
	ssize_t r;

	while (n < sizeof(room) - 1) {
		r = read(fd, room + n, line ? 1 : sizeof(room) - 1 - n);
		if (r < 0)
			return err_sys("reading the passphrase from %s", from);
		if (r == 0)
			break;
		n += (size_t)r;
		if (line && room[n - 1] == '\n')
			break;
	}
	if (n > 0 && room[n - 1] == '\n')
		n--;
	if (n > 0 && room[n - 1] == '\r')
		n--;
	if (n > PASS_MAX)
		return err_new(E_INVALID,
		               "the passphrase from %s is longer than %d bytes",
		               from, PASS_MAX);
	if (memchr(room, '\0', n) != NULL)
		return err_new(E_INVALID,
		               "the passphrase from %s holds a zero byte",
		               from);
	return mem_dup(room, n, ret);
}

/* A file or a descriptor that somebody named holds a passphrase. */
static err
not_empty(err e, const char *from, char **ret)
{
	if (e.code)
		return e;
	if (**ret != '\0')
		return OK;
	free(take(*ret));
	return err_new(E_INVALID, "the passphrase from %s is empty", from);
}

static err
from_file(const char *path, char **ret)
{
	AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys("opening the passphrase file \"%s\"", path);
	return not_empty(read_secret(fd, path, false, ret), path, ret);
}

static err
from_descriptor(const char *number, char **ret)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(number, &end, 10);
	if (errno != 0 || end == number || *end != '\0' || fd < 0 || fd > 65535)
		return err_new(
		    E_INVALID,
		    "CASEMATE_PASSPHRASE_FD is \"%s\", not a descriptor",
		    number);
	return not_empty(
	    read_secret((int)fd, "CASEMATE_PASSPHRASE_FD", false, ret),
	    "CASEMATE_PASSPHRASE_FD", ret);
}

/* One line from the terminal, echo off while it is typed. */
static err
from_terminal(int tty, const char *prompt, char **ret)
{
	struct termios old, quiet;
	err e;

	if (tcgetattr(tty, &old) != 0)
		return err_sys("asking the terminal");
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);

	/* Echo goes off first: whoever sees the prompt may type at once. */
	if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0)
		return err_sys("turning the terminal's echo off");
	(void)dprintf(tty, "%s: ", prompt);
	e = read_secret(tty, "the terminal", true, ret);
	(void)tcsetattr(tty, TCSAFLUSH, &old);
	(void)dprintf(tty, "\n");
	return e;
}

static err
ask_terminal(int tty, const char *prompt, bool twice, char **ret)
{
	AUTO(pass_freep) char *first = NULL, *second = NULL;
	err e;

	if ((e = from_terminal(tty, prompt, &first)).code)
		return e;
	if (*first == '\0') {
		*ret = NULL;
		return OK;
	}
	if (twice) {
		if ((e = from_terminal(tty, "once more", &second)).code)
			return e;
		if (strcmp(first, second) != 0)
			return err_new(
			    E_DENIED,
			    "the two passphrases differ; run it again");
	}
	*ret = take(first);
	return OK;
}

err
pass_ask(const char *prompt, bool twice, char **ret)
{
	const char *from;

	if ((from = getenv("CASEMATE_PASSPHRASE_FILE")) != NULL && *from)
		return from_file(from, ret);
	if ((from = getenv("CASEMATE_PASSPHRASE_FD")) != NULL && *from)
		return from_descriptor(from, ret);

	/* Only where somebody sits in front of it. */
	if (!isatty(STDIN_FILENO)) {
		*ret = NULL;
		return OK;
	}
	AUTO(close_fd) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (tty < 0) {
		*ret = NULL;
		return OK;
	}
	return ask_terminal(tty, prompt, twice, ret);
}

void
pass_free(char *s)
{
	if (s == NULL)
		return;
	crypto_wipe(s, strlen(s));
	free(s);
}

void
pass_freep(char **s)
{
	pass_free(*s);
}

void
pass_wipe(struct buf *b)
{
	if (b->p != NULL)
		crypto_wipe(b->p, b->len);
	buf_release(b);
}
