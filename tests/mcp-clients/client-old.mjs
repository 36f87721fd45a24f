// The TypeScript SDK 1.x. usage: client-old.mjs PORTUS WORKTREE WAY..., where WAY is `argument` or `elicitation`
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { walk } from './walk.mjs'

const [portus, worktree, ...ways] = process.argv.slice(2)
for (const way of ways) {
  const asked = []
  const capabilities = way === 'argument' ? {} : { elicitation: {} }
  const client = new Client({ name: 'walker', version: '1.0.0' }, { capabilities })
  if (way !== 'argument') {
    client.setRequestHandler(ElicitRequestSchema, async (request) => {
      asked.push(request.params.message)
      return { action: 'accept', content: { confirm: true } }
    })
  }
  await client.connect(new StdioClientTransport({ command: portus, args: ['mcp'], cwd: worktree, env: process.env }))
  await walk(client, worktree, way, asked)
  await client.close()
}
