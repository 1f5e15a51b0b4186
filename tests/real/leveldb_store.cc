// A store in memory, held by one variable, by the leveldb of the distribution.
#include <cstdio>
#include <memory>
#include <string>
#include <malloc.h>
#include "helpers/memenv/memenv.h"
#include "leveldb/cache.h"
#include "leveldb/db.h"
#include "leveldb/env.h"

struct Store {
	std::unique_ptr<leveldb::Env> env;
	std::unique_ptr<leveldb::Cache> cache;
	std::unique_ptr<leveldb::DB> db;
};
static Store *g_store;

int main()
{
	static char buffer[4096];
	setvbuf(stdout, buffer, _IOLBF,
		sizeof(buffer)); // so that nothing is allocated behind the count
	setvbuf(stdin, NULL, _IONBF, 0);
	g_store = new Store;
	g_store->env.reset(leveldb::NewMemEnv(leveldb::Env::Default()));
	g_store->cache.reset(leveldb::NewLRUCache(32 << 20));
	leveldb::Options options;
	options.create_if_missing = true;
	options.env = g_store->env.get();
	options.block_cache = g_store->cache.get();
	options.write_buffer_size = 4 << 20;
	options.compression = leveldb::kNoCompression;
	leveldb::DB *db = nullptr;
	if (!leveldb::DB::Open(options, "/db", &db).ok())
		return 1;
	g_store->db.reset(db);
	const std::string value(200, 'v');
	for (int i = 0; i < 200000; i++)
		db->Put(leveldb::WriteOptions(), "key" + std::to_string(i * 7919 % 200000),
			value + std::to_string(i));
	std::string got;
	for (int i = 0; i < 200000; i += 3)
		db->Get(leveldb::ReadOptions(), "key" + std::to_string(i), &got);
	struct mallinfo2 m = mallinfo2();
	printf("uordblks=%zu hblkhd=%zu\nready\n", m.uordblks, m.hblkhd);
	fflush(stdout);
	getchar();
	return 0;
}
