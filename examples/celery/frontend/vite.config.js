import { defineConfig } from "vite"

export default defineConfig({
  base: "/static/",
  build: {
    // The names of the built files, for django-vite.
    manifest: "manifest.json",
    outDir: "dist",
    rollupOptions: { input: "src/main.js" },
  },
})
