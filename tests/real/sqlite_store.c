// A database in memory, held by one variable, by the sqlite of the distribution.
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "sqlite3.h"
static sqlite3 *g_database;
static void run(const char *sql)
{
	char *problem = NULL;
	if (sqlite3_exec(g_database, sql, NULL, NULL, &problem)) {
		fprintf(stderr, "%s: %s\n", sql, problem);
		exit(1);
	}
}
int main(void)
{
	static char buffer[4096];
	setvbuf(stdout, buffer, _IOLBF,
		sizeof(buffer)); // so that nothing is allocated behind the count
	setvbuf(stdin, NULL, _IONBF, 0);
	if (sqlite3_open(":memory:", &g_database))
		return 1;
	run("CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, mail TEXT, age INT)");
	run("CREATE INDEX by_mail ON users(mail)");
	run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 300000)"
	    "INSERT INTO users SELECT i, 'name ' || i, 'user' || (i * 7919 % 300000) || "
	    "'@example.org', i % 90 FROM n");
	struct mallinfo2 m = mallinfo2();
	printf("memory_used=%lld uordblks=%zu hblkhd=%zu\nready\n",
	       (long long)sqlite3_memory_used(), m.uordblks, m.hblkhd);
	fflush(stdout);
	getchar();
	return sqlite3_close(g_database);
}
