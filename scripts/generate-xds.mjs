// Regenerates src/xds/gen from the .proto files of Envoy (shipped by @grpc/grpc-js-xds) and of istio.io/api.
// Needs Go for the two module downloads. `--check` fails where the committed files differ.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { goModule } from './go-module.mjs';
import { assertSameTree } from './same-tree.mjs';

const root = resolve(import.meta.dirname, '..');
const target = join(root, 'src/xds/gen');
const deps = join(root, 'node_modules/@grpc/grpc-js-xds/deps');

/** The messages the product reads or writes; what they import follows by itself. */
const roots = [
  'envoy/service/discovery/v3/ads.proto',
  'envoy/config/bootstrap/v3/bootstrap.proto',
  'envoy/config/listener/v3/listener.proto',
  'envoy/config/route/v3/route.proto',
  'envoy/config/cluster/v3/cluster.proto',
  'envoy/config/endpoint/v3/endpoint.proto',
  'envoy/admin/v3/config_dump.proto',
  'envoy/admin/v3/config_dump_shared.proto',
  'envoy/admin/v3/clusters.proto',
  'envoy/admin/v3/certs.proto',
  'envoy/admin/v3/server_info.proto',
  'envoy/config/rbac/v3/rbac.proto',
  'envoy/config/trace/v3/datadog.proto',
  'envoy/config/trace/v3/opentelemetry.proto',
  'envoy/config/trace/v3/skywalking.proto',
  'envoy/config/trace/v3/zipkin.proto',
  'envoy/extensions/access_loggers/file/v3/file.proto',
  'envoy/extensions/access_loggers/stream/v3/stream.proto',
  'envoy/extensions/access_loggers/filters/cel/v3/cel.proto',
  'envoy/extensions/access_loggers/grpc/v3/als.proto',
  'envoy/extensions/access_loggers/open_telemetry/v3/logs_service.proto',
  'envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster.proto',
  'envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache.proto',
  'envoy/extensions/filters/http/cors/v3/cors.proto',
  'envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy.proto',
  'envoy/extensions/filters/http/ext_authz/v3/ext_authz.proto',
  'envoy/extensions/filters/http/fault/v3/fault.proto',
  'envoy/extensions/filters/http/grpc_stats/v3/config.proto',
  'envoy/extensions/filters/http/grpc_web/v3/grpc_web.proto',
  'envoy/extensions/filters/http/jwt_authn/v3/config.proto',
  'envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto',
  'envoy/extensions/filters/http/lua/v3/lua.proto',
  'envoy/extensions/filters/http/ratelimit/v3/rate_limit.proto',
  'envoy/extensions/filters/http/rbac/v3/rbac.proto',
  'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/filters/http/wasm/v3/wasm.proto',
  'envoy/extensions/filters/listener/http_inspector/v3/http_inspector.proto',
  'envoy/extensions/filters/listener/original_dst/v3/original_dst.proto',
  'envoy/extensions/filters/listener/original_src/v3/original_src.proto',
  'envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol.proto',
  'envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto',
  'envoy/extensions/filters/network/connection_limit/v3/connection_limit.proto',
  'envoy/extensions/filters/network/ext_authz/v3/ext_authz.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/filters/network/mongo_proxy/v3/mongo_proxy.proto',
  'envoy/extensions/filters/network/rbac/v3/rbac.proto',
  'envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy.proto',
  'envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
  'envoy/extensions/filters/network/wasm/v3/wasm.proto',
  'envoy/extensions/formatter/req_without_query/v3/req_without_query.proto',
  'envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.proto',
  'envoy/extensions/path/match/uri_template/v3/uri_template_match.proto',
  'envoy/extensions/request_id/uuid/v3/uuid.proto',
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto',
  'envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto',
  'envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.proto',
  'envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector.proto',
  'envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector.proto',
  'envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler.proto',
  'envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto',
  'envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
  'envoy/extensions/wasm/v3/wasm.proto',
  'udpa/type/v1/typed_struct.proto',
  'xds/type/v3/typed_struct.proto',
  'envoy/extensions/stats/config.proto', // istio.io/api
  'envoy/config/filter/http/alpn/v2alpha1/config.proto', // istio.io/api
  'istio/networking/nds/v1/nds.proto', // scripts/protos
];

/** Fields that Envoy has gained since the .proto files above were taken, after the line they follow. Names and numbers are Envoy's. */
const youngerFields = {
  'envoy/config/cluster/v3/cluster.proto': [['google.protobuf.Duration dns_refresh_rate = 16', 'google.protobuf.Duration dns_jitter = 58;']],
  'envoy/config/cluster/v3/circuit_breaker.proto': [
    ['type.v3.Percent budget_percent = 1;', 'google.protobuf.Duration budget_interval = 3;'],
    ['syntax = "proto3";', 'import "google/protobuf/duration.proto";'],
  ],
  'envoy/config/trace/v3/zipkin.proto': [
    ['message ZipkinConfig {', `enum TraceContextOption { USE_B3 = 0; USE_B3_WITH_W3C_PROPAGATION = 1; }
      TraceContextOption trace_context_option = 8; core.v3.HttpService collector_service = 9;`],
    ['syntax = "proto3";', 'import "envoy/config/core/v3/http_service.proto";'],
  ],
  'envoy/type/tracing/v3/custom_tag.proto': [['Metadata metadata = 5;', 'string value = 6;']],
  'envoy/extensions/wasm/v3/wasm.proto': [
    ['CapabilityRestrictionConfig capability_restriction_config = 6;', 'FailurePolicy failure_policy = 7;'],
    ['package envoy.extensions.wasm.v3;', 'enum FailurePolicy { UNSPECIFIED = 0; FAIL_RELOAD = 1; FAIL_CLOSED = 2; FAIL_OPEN = 3; }'],
  ],
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto': [
    ['google.protobuf.BoolValue spawn_upstream_span = 10;', 'bool no_context_propagation = 13;'],
  ],
};

function addFields(protos) {
  for (const [file, fields] of Object.entries(youngerFields)) {
    const path = join(protos, file);
    let text = readFileSync(path, 'utf8');
    for (const [anchor, field] of fields) {
      const at = text.indexOf(anchor);
      if (at < 0) throw new Error(`${file} has no line "${anchor}"`);
      // A field's options may fill lines of their own.
      const end = anchor.endsWith(';') || anchor.endsWith('{') ? at + anchor.length : text.indexOf(';', at) + 1;
      text = `${text.slice(0, end)}\n${field}\n${text.slice(end)}`;
    }
    writeFileSync(path, text);
  }
}

const work = mkdtempSync(join(tmpdir(), 'xds-'));
try {
  const protos = join(work, 'protos');
  mkdirSync(protos);
  for (const dir of ['envoy-api', 'xds', 'googleapis']) cpSync(join(deps, dir), protos, { recursive: true });
  mkdirSync(join(protos, 'validate'), { recursive: true });
  const validate = goModule('github.com/envoyproxy/protoc-gen-validate@v1.2.1');
  writeFileSync(join(protos, 'validate/validate.proto'), readFileSync(join(validate, 'validate/validate.proto')));
  const istio = goModule('istio.io/api@v1.31.1');
  for (const file of ['envoy/extensions/stats/config.proto', 'envoy/config/filter/http/alpn/v2alpha1/config.proto']) {
    mkdirSync(dirname(join(protos, file)), { recursive: true });
    writeFileSync(join(protos, file), readFileSync(join(istio, file)));
  }
  cpSync(join(root, 'scripts/protos'), protos, { recursive: true });
  addFields(protos);
  const out = join(work, 'gen');
  writeFileSync(join(work, 'buf.yaml'), JSON.stringify({ version: 'v2', modules: [{ path: 'protos' }] }));
  writeFileSync(join(work, 'buf.gen.yaml'), JSON.stringify({
    version: 'v2',
    plugins: [{
      local: join(root, 'node_modules/.bin/protoc-gen-es'), out, include_imports: true,
      opt: ['target=ts', 'import_extension=none', 'ts_nocheck=false'],
    }],
  }));
  execFileSync(join(root, 'node_modules/.bin/buf'), ['generate', ...roots.flatMap((f) => ['--path', join('protos', f)])], { cwd: work, stdio: 'inherit' });
  if (process.argv.includes('--check')) assertSameTree(out, target, 'node scripts/generate-xds.mjs');
  else {
    rmSync(target, { recursive: true, force: true });
    cpSync(out, target, { recursive: true });
    console.log(`${readdirSync(target, { recursive: true }).filter((f) => f.endsWith('.ts')).length} files in src/xds/gen`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
