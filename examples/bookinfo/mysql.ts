import { MeshPort, MeshService, type MeshVersion, RouteTarget, VirtualMachine } from 'cdk8s-mesh';
import { EnvValue, type ISecret, Secret } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { Bookinfo } from './bookinfo';

/** Bookinfo whose ratings come from MySQL: a version of them that asks it, and the red stars of reviews v3, get all requests. */
abstract class RatingsFromMysql extends Bookinfo {
  public readonly ratingsV2: MeshVersion;
  public readonly mysql: MeshService;

  protected constructor(scope: Construct, id: string, version: string) {
    super(scope, id);
    const password = Secret.fromSecretName(this, 'credentials', 'mysql-credentials');
    this.mysql = this.database(password);
    this.ratingsV2 = this.version(this.ratings, version, {
      DB_TYPE: EnvValue.fromValue('mysql'),
      MYSQL_DB_HOST: EnvValue.fromValue(this.mysql.name),
      MYSQL_DB_PORT: EnvValue.fromValue('3306'),
      MYSQL_DB_USER: EnvValue.fromValue('root'),
      MYSQL_DB_PASSWORD: EnvValue.fromSecretValue({ secret: password, key: 'password' }),
    });
    this.ratings.addRoute('mysql', { targets: [RouteTarget.to(this.ratingsV2)] });
    this.reviews.addRoute('red-stars', { targets: [RouteTarget.to(this.reviewsV3)] });
  }

  protected abstract database(password: ISecret): MeshService;
}

/** The database runs in pods: `ratings-v2-mysql` opens TCP connections to `mysqldb`. */
export class RatingsMysql extends RatingsFromMysql {
  public constructor(scope: Construct, id: string) {
    super(scope, id, 'v2-mysql');
  }

  protected database(password: ISecret): MeshService {
    const mysql = new MeshService(this, 'mysqldb', { ports: [MeshPort.tcp(3306)] });
    this.version(mysql, 'v1', { MYSQL_ROOT_PASSWORD: EnvValue.fromSecretValue({ secret: password, key: 'password' }) });
    return mysql;
  }
}

/** The database stays on its machine: `ratings-v2-mysql-vm` opens TCP connections to `mysqldb-vm`, with mutual TLS as to any pod. */
export class RatingsMysqlVm extends RatingsFromMysql {
  public constructor(scope: Construct, id: string) {
    super(scope, id, 'v2-mysql-vm');
  }

  protected database(): MeshService {
    const mysql = new MeshService(this, 'mysqldb-vm', { ports: [MeshPort.tcp(3306)] });
    new VirtualMachine(this, 'mysqldb-machine', { service: mysql, addresses: ['10.0.3.9'] });
    return mysql;
  }
}
