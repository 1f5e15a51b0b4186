#include "cli/command.h"
#include <libelf.h>
#include <libdwarf.h>
int hg_x(char *a)
{
	strcpy(a, "/root/x");
	printf("x");
	return atoi(a);
}
