/** Character classes of RFC 9110 and RFC 9112, as one lookup per byte. */

const TOKEN_PUNCTUATION = "!#$%&'*+-.^_`|~";

/** The lower-case form of a byte that may stand in a field name or method; 0 for any other byte. */
export const TOKEN_LOWER = table((byte) => {
  const char = String.fromCharCode(byte);
  return /[0-9a-z]/i.test(char) || TOKEN_PUNCTUATION.includes(char) ? char.toLowerCase().charCodeAt(0) : 0;
});

/** 1 for a byte that may stand in a field value: tab, visible characters, space, obs-text. Never CR, LF, NUL or DEL. */
export const VALUE_CHAR = table((byte) => (byte === 0x09 || (byte >= 0x20 && byte !== 0x7f) ? 1 : 0));

/** 1 for a byte that may stand in a request target. Non-ASCII and fragments are refused, as Envoy does. */
export const TARGET_CHAR = table((byte) => (byte > 0x20 && byte < 0x7f && byte !== 0x23 ? 1 : 0));

/** Value of a hexadecimal digit, 255 for any other byte. */
export const HEX_DIGIT = table((byte) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase());
  return digit < 0 ? 255 : digit;
});

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

function table(valueOf: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => valueOf(byte));
}
