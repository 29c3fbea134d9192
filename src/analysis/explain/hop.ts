import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { ExplainedStep } from './explanation';
import type { Way } from './iptables';
import type { Chain, HeaderMutations, HttpTerminal } from '../../evaluator';
import { RouterSchema } from '../../xds/gen/envoy/extensions/filters/http/router/v3/router_pb';
import {
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader, type HttpConnectionManager,
} from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';

/** A step of a hop that is no decision of a proxy's. */
export type HopStep = Pick<ExplainedStep, 'step' | 'name' | 'outcome' | 'because'>;

export const iptablesStep = ({ captured, chains, because }: Way): HopStep => ({ step: 'iptables', name: chains, outcome: captured ? 'chosen' : 'skipped', because });

/** The filters that a chain sends a connection, or the requests on it, through. */
export function filtersStep({ terminal, message }: Chain): HopStep {
  const names = terminal.kind === 'http' ? terminal.manager.httpFilters.filter(({ disabled }) => !disabled) : message.filters;
  return { step: 'filters', name: names.map(({ name }) => name.replace(/^envoy\.filters\.(http|network)\./, '')).join(', '), outcome: 'chosen' };
}

/** What comes back on a connection that is not read as HTTP. */
export const BYTES_BACK: HopStep = { step: 'response', name: 'bytes', outcome: 'chosen', because: 'go back as they come' };

/** What a proxy does to an answer on its way back. */
export function responseStep({ manager }: Pick<HttpTerminal, 'manager'>, changes: HeaderMutations): HopStep {
  const parts = [...own(manager).map(([name, value]) => `sets ${name}${value === '' ? '' : `: ${value}`}`), ...changesText(changes)];
  return { step: 'response', name: 'headers', outcome: 'chosen', because: parts.length === 0 ? 'goes back as it came' : parts.join(', ') };
}

function changesText({ add, remove }: HeaderMutations): string[] {
  return [
    ...remove.map(name => `removes ${name}`),
    ...add.map(({ name, value, append }) => `${append ? 'adds' : 'sets'} ${name}: ${value}`),
  ];
}

/** Headers that Envoy sets in every answer of a target. */
function own({ serverName, serverHeaderTransformation, httpFilters }: HttpConnectionManager): [string, string][] {
  const router = httpFilters.map(({ configType }) => (configType.case === 'typedConfig' ? anyUnpack(configType.value, RouterSchema) : undefined))
    .find(found => found !== undefined);
  return [
    ...router?.suppressEnvoyHeaders === true ? [] : [['x-envoy-upstream-service-time', '']] as [string, string][],
    ...serverHeaderTransformation === ServerHeader.OVERWRITE ? [['server', serverName === '' ? 'envoy' : serverName]] as [string, string][] : [],
  ];
}
