/** Build settings of the page: from the SDK's sources, into files that can be cached for ever. */

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  resolve: { conditions: ["agent-heartbeat-source", "browser", "module", "import", "default"] },
  build: {
    target: "es2022",
    // The Content-Security-Policy allows no inline script.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
  },
});
