// What the page keeps in the browser: who is signed in, and which versions answered lately.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Signs the session cookie. Several productpage Pods need the same one; a single process makes its own. */
const secret = process.env.SESSION_SECRET ?? randomBytes(32);

/** A user's name becomes the value of the `end-user` header, so it is plain ASCII. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,39}$/;
const VERSION = /^[a-z0-9-]{1,12}$/;
const REMEMBERED = 24;
const FORM_LIMIT = 4096;

const sign = (value) => createHmac('sha256', secret).update(value).digest('base64url');

/** Value of one cookie of a Cookie header. */
function cookieOf(header, name) {
  for (const pair of (header ?? '').split(';')) {
    const [key, ...value] = pair.trim().split('=');
    if (key === name) return value.join('=');
  }
  return undefined;
}

/** The user whom the cookie names, if we signed it. */
export function readSession(cookieHeader) {
  const [encoded = '', mark = ''] = (cookieOf(cookieHeader, 'session') ?? '').split('.');
  const [given, ours] = [Buffer.from(mark), Buffer.from(sign(encoded))];
  if (given.length !== ours.length || !timingSafeEqual(given, ours)) return undefined;
  const user = Buffer.from(encoded, 'base64url').toString('utf8');
  return NAME.test(user) ? user : undefined;
}

/** A cookie that signs `name` in, or undefined where that is no name. */
export function sessionCookie(name) {
  const user = name.trim();
  if (!NAME.test(user)) return undefined;
  const encoded = Buffer.from(user).toString('base64url');
  return `session=${encoded}.${sign(encoded)}; Path=/; HttpOnly; SameSite=Lax`;
}

export const signedOutCookie = 'session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0';

/** The versions of `reviews` that answered this browser lately, newest last, with `version` added, and the cookie that keeps them. */
export function recentAnswers(cookieHeader, version) {
  const kept = (cookieOf(cookieHeader, 'recent') ?? '').split('.').filter((known) => VERSION.test(known));
  const answers = [...kept, version].slice(-REMEMBERED);
  return { answers, cookie: `recent=${answers.join('.')}; Path=/productpage; HttpOnly; SameSite=Lax` };
}

/** The fields of a posted form. */
export async function formOf(request) {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += chunk;
    if (body.length > FORM_LIMIT) throw new Error(`a form of more than ${FORM_LIMIT} characters`);
  }
  return new URLSearchParams(body);
}
