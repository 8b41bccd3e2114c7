// The build of the console, and its development server in front of a running gateway.
//
// `PLATOOLS_GATEWAY=http://127.0.0.1:3100 npm run dev` passes requests on to that gateway.

import { defineConfig } from 'vitest/config';

declare const process: { env: Record<string, string | undefined> };

const gateway = process.env['PLATOOLS_GATEWAY'] ?? 'http://127.0.0.1:3100';
// The gateway accepts a session's cookie only from its own pages, so that the origin is made to be its own.
const passed = { target: gateway, changeOrigin: true, headers: { origin: new URL(gateway).origin } };

export default defineConfig({
  base: '/console/',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // The policy of the page allows no inline data for scripts and styles, so that every asset is a file.
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    reportCompressedSize: true,
  },
  server: {
    proxy: {
      '/v1': passed,
      '/health': passed,
      '/ready': passed,
      '/openapi.json': passed,
      '/console/session': passed,
      '/ws': { ...passed, ws: true },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
  },
});
