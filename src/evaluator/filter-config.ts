import { anyIs, anyUnpack, type Any } from '@bufbuild/protobuf/wkt';
import { prepareCors, type Cors } from './cors';
import { prepareFault, type Fault } from './fault';
import { FilterConfigSchema } from '../xds/gen/envoy/config/route/v3/route_components_pb';
import { CorsPolicySchema } from '../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb';
import { HTTPFaultSchema } from '../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb';

/** What one level of a route configuration says to the filters that decide. The most specific level that says anything wins. */
export interface FilterSettings {
  readonly fault?: Fault;
  readonly cors?: Cors;
}

export function prepareFilterSettings(config: Readonly<Record<string, Any>>): FilterSettings {
  const fault = unwrapped(config['envoy.filters.http.fault']);
  const cors = unwrapped(config['envoy.filters.http.cors']);
  const faultMessage = fault && anyUnpack(fault, HTTPFaultSchema);
  const corsMessage = cors && anyUnpack(cors, CorsPolicySchema);
  return {
    ...(faultMessage && { fault: prepareFault(faultMessage) }),
    ...(corsMessage && { cors: prepareCors(corsMessage) }),
  };
}

function unwrapped(any: Any | undefined): Any | undefined {
  if (any === undefined || !anyIs(any, FilterConfigSchema)) return any;
  return anyUnpack(any, FilterConfigSchema)?.config;
}
