// What is printed on a book's second page.
import { createService, json, listenIfMain, podName, serviceVersion } from './lib/http.mjs';

export const server = createService('details', [
  ['GET', /^\/details\/(\d+)$/, (_request, response, [, id]) => json(response, 200, {
    id: Number(id),
    author: 'William Shakespeare',
    firstPerformed: 1594,
    genre: 'Comedy',
    acts: 5,
    pages: 112,
    language: 'English',
    publisher: 'Two Dromios Press',
    binding: 'Paperback',
    servedBy: { service: 'details', version: serviceVersion(), pod: podName() },
  })],
]);

listenIfMain(import.meta.url, server, 'details');
