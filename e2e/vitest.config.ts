import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** What needs other people's programs or a cluster: `npm run e2e`. e2e/local is part of `npm test`. */
// biome-ignore lint/style/noDefaultExport: it is where vitest looks.
export default defineConfig({
  test: {
    root: fileURLToPath(new URL("..", import.meta.url)),
    include: ["e2e/!(local)/**/*.test.ts"],
    globalSetup: ["e2e/cluster/run.ts"],
    // The parts start processes of their own and would slow each other down.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 300_000,
  },
});
