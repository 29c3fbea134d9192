// How many stars each reviewer gave.
import { createService, json, listenIfMain, podName, serviceVersion } from './lib/http.mjs';

export const server = createService('ratings', [
  ['GET', /^\/ratings\/(\d+)$/, (_request, response, [, id]) => json(response, 200, {
    id: Number(id),
    ratings: { Adriana: 5, Luciana: 4 },
    servedBy: { service: 'ratings', version: serviceVersion(), pod: podName() },
  })],
]);

listenIfMain(import.meta.url, server, 'ratings');
