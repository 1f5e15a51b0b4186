// Feeds every file of the folders and files given to the fuzz target that this is linked with.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned feed_file(const char *path)
{
	FILE *const file = fopen(path, "rb");
	if (!file)
		return 0;
	struct stat st;
	uint8_t *data = NULL;
	size_t size = 0;
	if (fstat(fileno(file), &st) == 0 && st.st_size > 0) {
		// Exactly as large as the input, so that the sanitizer sees a read past its end.
		data = malloc((size_t)st.st_size);
		size = data ? fread(data, 1, (size_t)st.st_size, file) : 0;
	}
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static unsigned feed_folder(const char *folder)
{
	DIR *const dir = opendir(folder);
	if (!dir)
		return feed_file(folder);
	unsigned fed = 0;
	for (const struct dirent *entry; (entry = readdir(dir));) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] != '.')
			fed += feed_file(path);
	}
	closedir(dir);
	return fed;
}

int main(int argc, char **argv)
{
	unsigned fed = 0;
	for (int i = 1; i < argc; i++)
		fed += feed_folder(argv[i]);
	printf("%u inputs\n", fed);
	return fed ? 0 : 2;
}
