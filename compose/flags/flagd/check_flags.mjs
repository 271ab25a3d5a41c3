// Check a file of feature flags by flagd's own schema; fail and say why if it is invalid:
//
//   node check_flags.mjs FILE

import { readFileSync } from "node:fs";
import { DefaultLogger } from "@openfeature/core";
import { MemoryStorage } from "@openfeature/flagd-core";

const [file] = process.argv.slice(2);
new MemoryStorage(new DefaultLogger()).setConfigurations(readFileSync(file, "utf8"), true);
