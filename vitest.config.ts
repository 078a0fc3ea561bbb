import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    // e2e/local runs on any machine; the rest of e2e/ needs clusters or other people's clients.
    exclude: ["**/node_modules/**", "e2e/!(local)/**"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
