import { guarded } from './private/arguments';
import { meshError } from './private/errors';
import { requireHeaderName } from './private/text';

/**
 * A change of one header, of requests on their way to a target or of answers on their way back. Renders `headers` of a VirtualService's rule or destination.
 * Values are text; `%REQ(x-id)%` and the like are Envoy's variables, and a percent sign is written `%%`.
 * @example
 * reviews.addRoute('all', { targets: [RouteTarget.to(v1)], requestHeaders: [HeaderChange.set('x-team', 'books')], responseHeaders: [HeaderChange.remove('server')] });
 */
export class HeaderChange {
  /** The header has this value, whatever it was. `''` is a value. Throws MESH_HEADER_INVALID for a bad name or value. */
  public static set(name: string, value: string): HeaderChange { return new HeaderChange('set', name, value); }
  /** One more value, beside those that are there. Throws MESH_HEADER_INVALID for a bad name or value. */
  public static add(name: string, value: string): HeaderChange { return new HeaderChange('add', name, value); }
  /** The header goes. Throws MESH_HEADER_INVALID for a bad name. */
  public static remove(name: string): HeaderChange { return new HeaderChange('remove', name, ''); }

  /** Name of the header, in lower case. */
  public readonly name: string;

  private constructor(/** @internal */ public readonly _kind: 'set' | 'add' | 'remove', name: string, /** The value; '' for a header that goes. */ public readonly value: string) {
    this.name = requireHeaderName(name, false);
    if (this.name === 'host') throw meshError(undefined, 'MESH_HEADER_INVALID', `a header that is changed must not be the host, got "${name}"; use Rewrite.host()`);
    // eslint-disable-next-line no-control-regex
    if (/[\0-\x08\n-\x1f\x7f]/.test(value)) {
      throw meshError(undefined, 'MESH_HEADER_INVALID', `the value of header "${name}" must have no control characters, got ${JSON.stringify(value)}; remove them`);
    }
    if (value.replace(/%%|%[A-Z][A-Z0-9_]*(\([^)]*\))?(:\d+)?%/g, '').includes('%')) {
      throw meshError(undefined, 'MESH_HEADER_INVALID', `a percent sign in the value of header "${name}" must be doubled, or enclose a variable of Envoy, got "${value}"; write %%`);
    }
  }
}

guarded('HeaderChange', HeaderChange);
