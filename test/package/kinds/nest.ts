import { ACKED } from '../programs.js'
import type { Kind } from '../project.js'

const SERVICE = `import { Injectable } from '@nestjs/common';
import { createProducer, KafkaError } from 'rx-kafka';
import { startCluster } from 'rx-kafka/testing';

@Injectable()
export class AppService {
  async getHello(): Promise<string> {
    try {
      createProducer({ brokers: [] });
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
    }
    const cluster = await startCluster({ nodes: 1, topics: { orders: { partitions: 1 } } });
    const producer = createProducer({ brokers: cluster.brokers });
    const { kind, topic, partition, offset } = await producer.sendOne({ topic: 'orders', key: 'k', value: 'v' });
    await producer.close();
    await cluster.stop();
    return [kind, topic, partition, \`\${offset}n\`].join(' ');
  }
}
`

const CONTROLLER = `import { Controller, Get } from '@nestjs/common';
import { AppService } from './app.service';

@Controller()
export class AppController {
  constructor(private readonly appService: AppService) {}

  @Get()
  getHello(): Promise<string> {
    return this.appService.getHello();
  }
}
`

/** Starts the application that \`nest build\` made, and asks it. */
const ASK = `const { NestFactory } = require('@nestjs/core');
const { AppModule } = require('./dist/app.module');

async function main() {
  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  const answer = await fetch(await app.getUrl());
  console.log(await answer.text());
  await app.close();
}
main();
`

/** What \`nest new\` makes, its compiler's options untouched. */
export const nest: Kind = {
  name: 'Nest 11',
  run(parent) {
    parent.write({ 'package.json': JSON.stringify({ name: 'cli', private: true }) })
    parent.npmInstall('@nestjs/cli@11')
    parent.run('npx', 'nest', 'new', 'app', '--skip-install', '--skip-git', '--package-manager', 'npm')
    const project = parent.sub('app')
    project.add([])
    project.write({ 'src/app.service.ts': SERVICE, 'src/app.controller.ts': CONTROLLER, 'ask.js': ASK })
    project.run('npx', 'nest', 'build')
    project.expect('nest new, nest build', ACKED, process.execPath, '--no-experimental-require-module', 'ask.js')
  },
}
